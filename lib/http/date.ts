const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

const time = String.raw`(?<time>\d\d:\d\d:\d\d)`

/** The three forms of RFC 9110, 5.6.7; the first also accepts the time zones that old signers write. */
const forms = [
  String.raw`(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (?<day>\d{1,2}) (?<month>[A-Z][a-z]{2}) (?<year>\d{4}) ${time} (?:GMT|UTC|(?<zone>[+-][0-2]\d[0-5]\d))`,
  String.raw`(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (?<day>\d\d)-(?<month>[A-Z][a-z]{2})-(?<year>\d\d) ${time} GMT`,
  String.raw`(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (?<month>[A-Z][a-z]{2}) (?<day>[ \d]\d) ${time} (?<year>\d{4})`,
].map((form) => new RegExp(`^${form}$`))

/** Parses an HTTP date; undefined if it is invalid. HTTP requires conditions with an invalid date to be ignored. */
export function parseHttpDate(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined
  const parts = forms.map((form) => form.exec(text)).find((found) => found !== null)?.groups
  if (parts === undefined) return undefined
  const month = months.indexOf(parts.month ?? '') + 1
  const day = (parts.day ?? '').trim()
  const local = parseIsoDate(`${fullYear(parts.year ?? '')}-${twoDigits(month)}-${twoDigits(day)}T${parts.time}Z`)
  return local && new Date(local.getTime() - zoneMilliseconds(parts.zone ?? '+0000'))
}

/** Parses `YYYY-MM-DDTHH:MM:SSZ`, with or without fractions of a second; undefined if it is not a valid date. */
export function parseIsoDate(text: string): Date | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/.test(text)) return undefined
  const date = new Date(text)
  // Date turns 31 February into a day of March; the round trip detects that.
  const isOfCalendar = !Number.isNaN(date.getTime()) && date.toISOString().slice(0, 19) === text.slice(0, 19)
  return isOfCalendar ? date : undefined
}

/** Compares two times with the precision of HTTP dates. */
export function isSameSecond(a: Date, b: Date): boolean {
  return Math.floor(a.getTime() / 1000) === Math.floor(b.getTime() / 1000)
}

/** A year of two digits is at most 50 years in the future (RFC 9110, 5.6.7). */
function fullYear(year: string): string {
  if (year.length > 2) return year
  const now = new Date().getUTCFullYear()
  const inThisCentury = now - (now % 100) + Number(year)
  return String(inThisCentury > now + 50 ? inThisCentury - 100 : inThisCentury)
}

function zoneMilliseconds(zone: string): number {
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3))
  return (zone.startsWith('-') ? -minutes : minutes) * 60_000
}

function twoDigits(number: number | string): string {
  return String(number).padStart(2, '0')
}
