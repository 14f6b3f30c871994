import type { Answer, Json, Message } from './recording.js'

/**
 * Renames the projects of a recording for each run, so that a pachd on which others were recorded or replayed has none of
 * them. File sets stay in pachd's own project.
 */
export class RunProjects {
  readonly #suffix: string

  /** `suffix` is appended to each project's name; '' leaves the names as they were recorded. */
  constructor(suffix = '') {
    this.#suffix = suffix
  }

  /** The project's name in this run. */
  nameOf(project: string): string {
    return project + this.#suffix
  }

  /** Recorded requests in the projects of this run. */
  enter(requests: readonly Message[]): readonly Message[] {
    return this.#suffix === '' ? requests : requests.map((request) => this.#renameIn(request))
  }

  /** An answer as it was recorded: its projects with their recorded names, without the repos and projects of others. */
  leave(method: string, { responses, error }: Answer): Answer {
    if (this.#suffix === '') return error ? { responses, error } : { responses }
    const lists = method === 'ListRepo' || method === 'ListProject'
    const own = responses.filter((response) => !lists || JSON.stringify(response).includes(this.#suffix))
    return JSON.parse(JSON.stringify({ responses: own, error }).replaceAll(this.#suffix, ''))
  }

  #renameIn({ name, type, ...others }: Message): Message {
    const fields = Object.entries(others).map(([field, value]) => {
      if (field === 'project' && name !== '__filesets__') return [field, this.#renameProject(value)]
      if (field === 'projects' && Array.isArray(value)) return [field, value.map((each) => this.#renameProject(each))]
      return [field, this.#renameBelow(value)]
    })
    // A resource is named by one text, project and repo.
    const isRepoResource = type === 'REPO' && typeof name === 'string'
    const renamed = isRepoResource ? name.replace('/', `${this.#suffix}/`) : name
    return {
      ...(name !== undefined && { name: renamed }),
      ...(type !== undefined && { type }),
      ...Object.fromEntries(fields),
    }
  }

  #renameBelow(json: Json | undefined): Json | undefined {
    if (Array.isArray(json)) return json.map((item) => this.#renameBelow(item) ?? null)
    return typeof json === 'object' && json !== null ? this.#renameIn(json as Message) : json
  }

  #renameProject(project: Json | undefined): Json {
    const { name } = project as Message
    return { name: this.nameOf(String(name)) }
  }
}
