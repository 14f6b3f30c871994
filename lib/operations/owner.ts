/** Who owns what a listing shows: PFS has rights on repos and no owner of a file. */
export const owner = { ID: 'pachyderm', DisplayName: 'pachyderm' }
