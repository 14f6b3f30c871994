/** What an access key stands for. */
export interface Credential {
  /** The secret that signs; an empty one proves nothing. */
  readonly secretAccessKey: string
  /** The Pachyderm token that the signer acts with. */
  readonly authToken?: string | undefined
}

/** A credential, and the name of its owner for logs. */
export interface NamedCredential extends Credential {
  readonly requester?: string | undefined
}

/** Where access keys are looked up. */
export interface CredentialSource {
  /** The credential of an access key; undefined where there is none. A failure to find out is thrown and passes nobody. */
  credentialFor(accessKeyId: string): Promise<NamedCredential | undefined>
  /** Whether a caller who has proven no credential may pass; asked only for such a caller. */
  anonymousAllowed(): Promise<boolean>
}
