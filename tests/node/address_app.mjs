// An ES module that tells what it sees of the ends of its connection, and of the way by which limpet taught it: at /fork what
// a child sees of that, at /thread a thread.
import { fork } from 'node:child_process';
import { createServer } from 'node:http';
import { Worker, isMainThread } from 'node:worker_threads';

const told = () => String(process.env.NODE_OPTIONS);

function inChild(answer) {
  fork(process.argv[1], ['child']).once('message', answer);
}

function inThread(answer) {
  new Worker("require('worker_threads').parentPort.postMessage(String(process.env.NODE_OPTIONS))", { eval: true })
    .once('message', answer);
}

function ends({ socket, connection }) {
  const { remoteAddress, remoteFamily, remotePort, localAddress, encrypted } = socket;
  return {
    remoteAddress, remoteFamily, remotePort, localAddress, encrypted, hasEncrypted: 'encrypted' in socket,
    sameConnection: connection.remoteAddress === remoteAddress, options: told(),
  };
}

function serve(request, response) {
  const answer = (what) => response.end(JSON.stringify(what));
  if (request.url === '/fork') inChild((child) => answer({ child }));
  else if (request.url === '/thread') inThread((thread) => answer({ thread }));
  else answer(ends(request));
}

if (process.argv[2] === 'child') process.send(told(), () => process.disconnect());
else if (isMainThread) createServer(serve).listen(process.env.PORT, '127.0.0.1');
