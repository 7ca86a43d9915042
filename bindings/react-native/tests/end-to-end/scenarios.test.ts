import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Authority } from '../support/authority.ts';
import { root, target } from '../support/checkout.ts';
import { Jvm, nativeHalf } from '../support/jvm.ts';
import { loadPackage } from '../support/package.ts';
import { runScenario } from '../support/scenario.ts';
import type { Scenario } from '../support/scenario.ts';

const folder = path.join(root, 'tests/scenarios');
const scenarios = readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .map((file) => JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as Scenario);

describe('the scenarios, through the TurboModule', () => {
  const results: Record<string, string> = {};
  let jvm: Jvm;
  let authority: Authority;
  let authSession: Awaited<ReturnType<typeof loadPackage>>;

  beforeAll(async () => {
    jvm = new Jvm();
    authority = await Authority.start();
    authSession = await loadPackage(await jvm.module());
  });

  afterAll(async () => {
    const output = path.join(target, 'scenarios');
    mkdirSync(output, { recursive: true });
    const [file, language] =
      nativeHalf === 'kotlin' ? ['typescript.json', 'typescript'] : ['typescript-swift.json', 'ts on swift'];
    writeFileSync(path.join(output, file), `${JSON.stringify({ language, results }, null, 2)}\n`);
    await jvm.stop();
    await authority.stop();
  });

  test.each(scenarios)('$name: $title', async (scenario) => {
    try {
      await runScenario(scenario, authority, authSession.createAuthSession);
      expect(jvm.crashes).toEqual([]);
      results[scenario.name] = 'ok';
    } catch (error) {
      results[scenario.name] = error instanceof Error ? error.message : String(error);
      throw error;
    }
  });
});
