/**
 * A text of somebody else's, such as a broker's: its first `charsMax` UTF-16 units, as Unicode that every store takes. Postgres refuses NUL and halves
 * of surrogate pairs in `jsonb`, and a cut may make such a half; other control characters would do things to a terminal.
 */
export const plainText = (text: string, charsMax = text.length): string =>
  text
    .slice(0, charsMax)
    .toWellFormed()
    .replace(/\p{Cc}/gu, ' ');
