/** Runs work to its end, handing on what it tells meanwhile; resolves with its result. Errors: those of the work. */
export async function resultOf<E, R>(work: AsyncGenerator<E, R>, show: (event: E) => void = () => {}): Promise<R> {
  for (;;) {
    const step = await work.next();
    if (step.done === true) return step.value;
    show(step.value);
  }
}
