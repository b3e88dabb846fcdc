/** What the worker counts of the export of outcomes; worker/metrics.ts shows it. */
export type ExportMeter = {
  exported(outcomes: number): void;
  /** They are in workflows until the API takes them. */
  held(outcomes: number): void;
};
