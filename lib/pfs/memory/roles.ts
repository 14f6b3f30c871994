import type { Resource } from '../client.js'

const repoReader = [
  'REPO_READ',
  'REPO_INSPECT_COMMIT',
  'REPO_LIST_COMMIT',
  'REPO_LIST_BRANCH',
  'REPO_LIST_FILE',
  'REPO_INSPECT_FILE',
  'REPO_ADD_PIPELINE_READER',
  'REPO_REMOVE_PIPELINE_READER',
  'PIPELINE_LIST_JOB',
]

const repoWriter = [
  ...repoReader,
  'REPO_WRITE',
  'REPO_DELETE_COMMIT',
  'REPO_CREATE_BRANCH',
  'REPO_DELETE_BRANCH',
  'REPO_ADD_PIPELINE_WRITER',
]

const repoOwner = [...repoWriter, 'REPO_MODIFY_BINDINGS', 'REPO_DELETE']

const projectWriter = ['PROJECT_LIST_REPO', 'PROJECT_CREATE_REPO']

const projectOwner = [...repoOwner, ...projectWriter, 'PROJECT_DELETE', 'PROJECT_MODIFY_BINDINGS']

const projectCreator = ['PROJECT_CREATE']

/** pachd's has many more, on the cluster itself, that no call of a PfsClient asks for. */
const clusterAdmin = [...projectOwner, ...projectCreator, 'CLUSTER_MODIFY_BINDINGS', 'CLUSTER_AUTH_GET_ROBOT_TOKEN']

/** The permissions of each role that the stand-in knows, in pachd's order. */
export const rolePermissions: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({ repoReader, repoWriter, repoOwner, projectWriter, projectOwner, projectCreator, clusterAdmin }),
)

/** The permission to change who has which role on a resource. */
export function bindingPermission(type: Resource['type']): string {
  if (type === 'CLUSTER') return 'CLUSTER_MODIFY_BINDINGS'
  return type === 'PROJECT' ? 'PROJECT_MODIFY_BINDINGS' : 'REPO_MODIFY_BINDINGS'
}
