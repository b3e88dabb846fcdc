import { createHmac } from 'node:crypto';
import type { Destination } from './destination.ts';

/** 128 bits: nobody finds two names with one hash. */
const hashBytes = 16;
const hashed = /^hmac-[\w-]{22}$/;
const numbered = /^\d+$/;

/** What stands in Temporal in place of names that say who someone is: a keyed hash, by which nobody without the key can guess them. */
export class HashedNames {
  constructor(private readonly key: Buffer) {}

  /** In place of a customer's name, the same for all its destinations. */
  customer(customerExternalId: string): string {
    return this.hash('customer', customerExternalId);
  }

  /** In place of a lane's name; the same key has another one at another destination. */
  lane(destinationId: string, name: string): string {
    return this.hash('lane', destinationId, name);
  }

  private hash(...parts: readonly string[]): string {
    const mac = createHmac('sha256', this.key).update(JSON.stringify(parts)).digest();
    return `hmac-${mac.subarray(0, hashBytes).toString('base64url')}`;
  }
}

type Naming = Pick<Destination, 'id' | 'hashesKeys' | 'ordering'>;

/**
 * What a lane of that name is called in its workflow's id. A numbered lane's number says nothing, but the lane is another one than
 * before names were hashed, for a workflow keeps the search attributes that it was begun with.
 */
export function storedLane(destination: Naming, name: string, names: HashedNames | undefined): string {
  if (!destination.hashesKeys) return name;
  if (destination.ordering.lanes !== 'key' && numbered.test(name)) return numberedLane(destination, Number(name));
  if (!names) throw new Error('The key that hashes names was not read.');
  return names.lane(destination.id, name);
}

export const numberedLane = ({ hashesKeys }: Pick<Destination, 'hashesKeys'>, lane: number): string =>
  hashesKeys ? `h${lane}` : String(lane);

/** Whether it is what a list shows of a lane that did not say its name. */
export const isStoredName = ({ ordering }: Pick<Destination, 'ordering'>, name: string): boolean =>
  (ordering.lanes === 'key' ? hashed : /^h\d+$/).test(name);
