/** What may name a request, so that it is harmless in a log and in an id: an idempotency key, a sender's own request id. */
export const requestKeyForm = /^[\w.:/+=@-]{1,128}$/;
/** In words, for an error. */
export const requestKeyExpected = '1 to 128 of A-Z a-z 0-9 _ . : / + = @ -';
