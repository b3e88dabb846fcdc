/** Which of the events that a lane has in memory wait behind a dead letter of their key, and what is done with them. Pure. */
import { type Block, filterBlock } from './block.ts';
import type { Aside, Overflow } from './overflow.ts';
import { blockPayloadBytes } from './payloadSize.ts';

type Keys = ReadonlySet<string>;

/** An entry in the index beside its key, about: id, length, brackets and commas. */
const entryBytes = 40;

/** What is of these keys in a block: how many bytes, and whether nothing else is. */
type OfKeys = { keys: Keys; bytes: number; isAll: boolean };

/** What was found of a block last: a lane asks several times in each task, its queue may be long, and no block changes. */
const lastFound = new WeakMap<Block, OfKeys>();

function ofKeys(block: Block, keys: Keys): OfKeys {
  const before = lastFound.get(block);
  if (before?.keys === keys) return before;
  let bytes = 0;
  let isAll = true;
  for (const { key, length } of block.entries) {
    if (keys.has(key)) bytes += length + key.length + entryBytes;
    else isAll = false;
  }
  const found = { keys, bytes, isAll };
  lastFound.set(block, found);
  return found;
}

/** How much of these blocks is of such keys, in bytes of payloads; about, for it is asked often. */
export const bytesOfKeys = (blocks: readonly Block[], keys: Keys): number =>
  keys.size === 0 ? 0 : blocks.reduce((sum, block) => sum + ofKeys(block, keys).bytes, 0);

/** Whether these blocks hold no event of another key. */
export const areAllOfKeys = (blocks: readonly Block[], keys: Keys): boolean =>
  blocks.every((block) => ofKeys(block, keys).isAll);

/** The oldest events of these keys, as many as fit into a segment, and what is left. */
export function splitByKeys(
  blocks: readonly Block[],
  keys: Keys,
  bytesMax: number,
): { taken: Block[]; left: readonly Block[] } {
  const taken: Block[] = [];
  const left: Block[] = [];
  let bytes = 0;
  for (const [position, block] of blocks.entries()) {
    const own = filterBlock(block, ({ key }) => keys.has(key));
    if (own.entries.length > 0) {
      bytes += blockPayloadBytes(own);
      if (taken.length > 0 && bytes > bytesMax) return { taken, left: [...left, ...blocks.slice(position)] };
      taken.push(own);
    }
    const others = filterBlock(block, ({ key }) => !keys.has(key));
    if (others.entries.length > 0) left.push(others);
  }
  return { taken, left };
}

export const keysIn = (blocks: readonly Block[]): Set<string> =>
  new Set(blocks.flatMap(({ entries }) => entries.map(({ key }) => key)));

/** Whether what stands aside has to go back, now that only these keys are blocked, and dead letters were released. */
const isToGoBack = ({ keys, returning }: Aside, blocked: Keys, released: Keys): boolean =>
  returning !== undefined || keys.some((key) => !blocked.has(key) || released.has(key));

/** Where dead letters that were released stand first: in the queue, or before what has to go back to it. */
export function withReleased<State extends { queue: readonly Block[]; overflow: Overflow }>(
  state: State,
  released: readonly Block[],
  blocked: Keys,
): State {
  const { queue, overflow } = state;
  const { aside } = overflow;
  if (!isToGoBack(aside, blocked, keysIn(released))) {
    return released.length === 0 ? state : { ...state, queue: [...released, ...queue] };
  }
  const returning = [...released, ...(aside.returning ?? [])];
  return { ...state, overflow: { ...overflow, aside: { ...aside, returning } } };
}
