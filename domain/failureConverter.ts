import { DefaultFailureConverter } from '@temporalio/common';

/**
 * Puts what a failure says, and its stack trace, into a payload, which the codecs then encrypt. In workflows too, so it is bundled with them.
 * Failures that were written without it are read as they are.
 */
export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
