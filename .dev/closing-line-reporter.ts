import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Reporter, TestCase, TestModule } from 'vitest/node';

const root = fileURLToPath(new URL('..', import.meta.url));
const SLOWEST_SHOWN = 20;

/** Prints how long files took, what passed at a second try only, and why each skipped test was skipped, then the one line that CI reads. */
export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    const reasons = new Map<string, number>();
    const flaky: TestCase[] = [];
    for (const module of modules) {
      if (module.state() === 'failed' && module.errors().length > 0) count.failed += 1;
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (test.diagnostic()?.flaky === true) flaky.push(test);
        if (result.state === 'passed') count.passed += 1;
        else if (result.state === 'failed') count.failed += 1;
        else {
          count.skipped += 1;
          const reason = (result.state === 'skipped' && result.note) || 'skipped without a note';
          reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
        }
      }
    }
    printDurations(modules);
    for (const test of flaky) printFirstError(test);
    for (const [reason, times] of reasons) process.stdout.write(`skipped ${times}: ${reason}\n`);
    const again = flaky.length === 0 ? '' : `, ${flaky.length} at the second try only`;
    process.stdout.write(`\n${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped${again}\n`);
  }
}

/** A scenario that needed a second try has a fault, or the product has: it must be seen. */
function printFirstError(test: TestCase): void {
  const [error] = test.result().errors ?? [];
  const where = `${relative(root, test.module.moduleId)} > ${test.fullName}`;
  process.stdout.write(`passed at the second try only: ${where}\n${error?.stack ?? error?.message ?? 'no error'}\n`);
}

/** The slowest files, and each project's sum: files run beside each other, so the sum is more than the wait. */
function printDurations(modules: readonly TestModule[]): void {
  if (modules.length < 2) return;
  const files = modules.map((module) => ({
    project: module.project.name,
    path: relative(root, module.moduleId),
    seconds: secondsOf(module),
  }));
  const slowest = files.toSorted((a, b) => b.seconds - a.seconds).slice(0, SLOWEST_SHOWN);
  process.stdout.write(`\nslowest of ${files.length} files\n`);
  for (const { project, path, seconds } of slowest)
    process.stdout.write(`${seconds.toFixed(1).padStart(8)} s  ${project}  ${path}\n`);
  for (const project of new Set(files.map((file) => file.project))) {
    const own = files.filter((file) => file.project === project);
    const seconds = own.reduce((sum, file) => sum + file.seconds, 0);
    process.stdout.write(`${seconds.toFixed(1).padStart(8)} s  sum of ${project}, ${own.length} files\n`);
  }
}

function secondsOf(module: TestModule): number {
  const { environmentSetupDuration, prepareDuration, collectDuration, setupDuration, duration } = module.diagnostic();
  return (environmentSetupDuration + prepareDuration + collectDuration + setupDuration + duration) / 1000;
}
