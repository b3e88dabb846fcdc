import { WorkflowNotFoundError } from '@temporalio/client';

const grpcNotFound = 5;

/** Whether Temporal has no such workflow or run: the client's own error for it, or gRPC's. */
export const isNotFound = (error: unknown): boolean =>
  error instanceof WorkflowNotFoundError ||
  (typeof error === 'object' && error !== null && 'code' in error && error.code === grpcNotFound);

/** What the call answers, or undefined where Temporal has no such workflow. */
export async function unlessNotFound<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
