/** An outcome that is longer than the API takes of an event: it is exported all the same, with its longest texts cut. Pure. */
import type { ExportedOutcome } from './outcomes.ts';
import { jsonBytes } from './payloadSize.ts';

type Payload = ExportedOutcome['payload'];
type Text = { name: string; of(payload: Payload): string | undefined; cut(payload: Payload, text: string): Payload };

const ownText = (name: 'reason' | 'by' | 'broker' | 'lane' | 'customerExternalId'): Text => ({
  name,
  of: (payload) => payload[name],
  cut: (payload, text) => ({ ...payload, [name]: text }),
});

/** What may be cut, that which is missed least before the others: ids of event and destination stay, and so does where it landed. */
const texts: readonly Text[] = [
  {
    name: 'error.message',
    of: ({ error }) => error?.message,
    cut: (payload, message) => (payload.error ? { ...payload, error: { ...payload.error, message } } : payload),
  },
  ...(['reason', 'by', 'broker', 'lane', 'customerExternalId'] as const).map(ownText),
];

/**
 * The outcome in so many bytes at most, as JSON in UTF-8; `shortened` names what was cut. The least that an API may be told to take
 * of an event is always enough.
 */
export function fitted(outcome: ExportedOutcome, bytesMax: number): ExportedOutcome {
  let fit = outcome;
  for (const { name, of, cut } of texts) {
    if (jsonBytes(fit) <= bytesMax) break;
    const text = of(fit.payload);
    if (text === undefined) continue;
    const payload: Payload = { ...fit.payload, shortened: [...(fit.payload.shortened ?? []), name] };
    const over = jsonBytes({ ...fit, payload }) - bytesMax;
    const shorter = shortened(text, jsonBytes(text) - over);
    if (jsonBytes(shorter) < jsonBytes(text)) fit = { ...fit, payload: cut(payload, shorter) };
  }
  return fit;
}

const ellipsis = '…';

/** The beginning of the text that takes so many bytes at most as JSON, with a sign that it goes on; the sign alone where that is too few. */
function shortened(text: string, bytesMax: number): string {
  let kept = '';
  let bytes = jsonBytes(ellipsis);
  for (const character of text) {
    bytes += jsonBytes(character) - jsonBytes('');
    if (bytes > bytesMax) break;
    kept += character;
  }
  return `${kept}${ellipsis}`;
}
