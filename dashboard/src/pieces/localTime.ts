/** What an input of the type datetime-local says, in the reader's zone, as the API wants it. */
export const isoOf = (local: string): string | undefined => {
  const ms = Date.parse(local);
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString();
};

const withZone = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/;
/** A time as an address has it, for readers in any zone; undefined for what is none. */
export const timeIn = (text: string): string | undefined => (withZone.test(text) ? isoOf(text) : undefined);

const padded = (value: number, digits = 2): string => String(value).padStart(digits, '0');

/** A time as an input of the type datetime-local has it: in the reader's zone. '' for what is none. */
export function localOf(iso: string): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return '';
  const day = `${padded(at.getFullYear(), 4)}-${padded(at.getMonth() + 1)}-${padded(at.getDate())}`;
  const seconds = at.getSeconds() === 0 ? '' : `:${padded(at.getSeconds())}`;
  return `${day}T${padded(at.getHours())}:${padded(at.getMinutes())}${seconds}`;
}
