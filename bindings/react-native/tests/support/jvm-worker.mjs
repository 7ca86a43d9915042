// Holds the pipe to the JVM on a thread of its own, so that the test's thread can wait for a synchronous answer.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { parentPort, workerData } from 'node:worker_threads';

const { command, commandArguments, synchronousAnswers, answered } = workerData;
const jvm = spawn(command, commandArguments, { stdio: ['pipe', 'pipe', 'inherit'] });
const synchronousCalls = new Set();

// JSON has no NaN and no infinity, and a TurboModule gets them.
function withAllNumbers(_, value) {
  return typeof value === 'number' && !Number.isFinite(value) ? { $number: String(value) } : value;
}

function deliver(message) {
  if (synchronousCalls.delete(message.id) || 'exited' in message) {
    synchronousAnswers.postMessage(message);
    Atomics.store(answered, 0, 1);
    Atomics.notify(answered, 0);
  }
  parentPort.postMessage(message);
}

parentPort.on('message', (message) => {
  if (message === 'end') {
    jvm.stdin.end();
    return;
  }
  if (message.isSynchronous) synchronousCalls.add(message.call.id);
  jvm.stdin.write(`${JSON.stringify(message.call, withAllNumbers)}\n`);
});

createInterface({ input: jvm.stdout }).on('line', (line) => deliver(JSON.parse(line)));
jvm.stdin.on('error', () => {});
jvm.on('error', (error) => deliver({ exited: error.message }));
jvm.on('close', (code, signal) => {
  deliver({ exited: signal ?? code });
  parentPort.close();
});
