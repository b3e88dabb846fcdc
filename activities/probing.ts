import type { OpenDestination } from '../domain/destination.ts';

type Version = Pick<OpenDestination, 'id' | 'version'>;

/** Before every version: which one is going to be read is not known. */
const notYetKnown = 0;

/** Which destinations this process is probing now, each with the credentials of a version. */
export class Probing {
  private readonly underWay = new Set<Version>();

  /**
   * Counts the destination as long as this work on it lasts. It is to be begun before the destination is read, and counts as with
   * earlier credentials until the work says which version it has.
   */
  async during<T>(id: string, work: (has: (version: number) => void) => Promise<T>): Promise<T> {
    const one = { id, version: notYetKnown };
    this.underWay.add(one);
    try {
      return await work((version) => {
        one.version = version;
      });
    } finally {
      this.underWay.delete(one);
    }
  }

  /** Whether no probe is under way with an earlier version of the destination. */
  hasLetGoBefore({ id, version }: Version): boolean {
    return ![...this.underWay].some((one) => one.id === id && one.version < version);
  }
}
