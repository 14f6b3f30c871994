import { invalidArgument } from '../errors.js'
import { requireKeyLength } from '../http/address.js'
import { type HttpRequest, queryValue } from '../http/request.js'

/** A whole number out of the query; undefined where it is absent or empty. Throws InvalidArgument. */
export function parseCount(
  request: Pick<HttpRequest, 'query'>,
  name: string,
  bounds: { readonly least: number; readonly most: number },
): number | undefined {
  const text = queryValue(request, name)
  if (text === undefined || text === '') return undefined
  const count = Number(text)
  if (!/^\d{1,10}$/.test(text) || count < bounds.least || count > bounds.most) {
    throw invalidArgument(name, {
      value: text,
      message: `Argument ${name} must be an integer between ${bounds.least} and ${bounds.most}`,
    })
  }
  return count
}

/** Most entries of one page of a listing, whatever is asked for. */
const maxPage = 1000

/** How many entries a page of a listing may have, from 0 to 1000; throws InvalidArgument. */
export function parsePageSize(request: Pick<HttpRequest, 'query'>, name: string): number {
  return Math.min(parseCount(request, name, { least: 0, most: 2_147_483_647 }) ?? maxPage, maxPage)
}

/** The `prefix` of a listing of keys, '' where absent; throws KeyTooLongError where no key could begin with it. */
export function parsePrefix(request: Pick<HttpRequest, 'query'>): string {
  return requireKeyLength(queryValue(request, 'prefix') ?? '')
}
