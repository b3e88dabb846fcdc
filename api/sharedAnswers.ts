const questionsMost = 1_000;

/** Gives all who ask the same within a while one answer, so that many open pages cost no more than one. */
export class SharedAnswers {
  private readonly answers = new Map<string, Promise<unknown>>();

  /** `forMs`: how long. More questions than `questionsMax` at once are asked each for itself. */
  constructor(
    private readonly forMs: number,
    private readonly questionsMax = questionsMost,
  ) {}

  /** `name` stands for one question. A failure is nobody else's. */
  async of<T>(name: string, ask: () => Promise<T>): Promise<T> {
    const known = this.answers.get(name);
    if (known) return (await known) as T; // A name stands for one question, hence one type.
    const answer = ask();
    if (this.answers.size < this.questionsMax) {
      this.answers.set(name, answer);
      const forget = (): boolean => this.answers.delete(name);
      answer.then(() => setTimeout(forget, this.forMs).unref(), forget);
    }
    return await answer;
  }
}
