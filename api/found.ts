import type { Check } from './schemas/checks.ts';

/** What a check found: `failing` keeps events from going out or coming in, a `warning` wants a person sooner or later. */
export type Found = Omit<Check, 'name'>;

export const ok = (detail: string): Found => ({ status: 'ok', detail });
export const warning = (detail: string, remedy: string): Found => ({ status: 'warning', detail, remedy });
export const failing = (detail: string, remedy: string): Found => ({ status: 'failing', detail, remedy });
