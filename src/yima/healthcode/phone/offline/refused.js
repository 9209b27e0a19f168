// An expected no: a stable code (docs/errors.md has the same ones), and in `why` one word for whoever looks closer.

export class Refused extends Error {
  constructor(code, why = "") {
    super(why ? `${code} (${why})` : code);
    this.code = code;
    this.why = why;
  }
}
