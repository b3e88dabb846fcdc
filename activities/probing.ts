import type { OpenDestination } from '../domain/destination.ts';

type Version = Pick<OpenDestination, 'id' | 'version'>;

/** Which destinations this process is probing now, each with the credentials of a version. */
export class Probing {
  private readonly underWay = new Set<Version>();

  /** Counts the destination as long as this work on it lasts. */
  async during<T>({ id, version }: Version, work: () => Promise<T>): Promise<T> {
    const one = { id, version };
    this.underWay.add(one);
    try {
      return await work();
    } finally {
      this.underWay.delete(one);
    }
  }

  /** Whether no probe is under way with an earlier version of the destination. */
  hasLetGoBefore({ id, version }: Version): boolean {
    return ![...this.underWay].some((one) => one.id === id && one.version < version);
  }
}
