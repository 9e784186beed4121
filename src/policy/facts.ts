/** Everything about the moment that a decision may depend on. */
export interface Facts {
  /** Wall clock, milliseconds since 1970. */
  readonly nowMs: number;
}
