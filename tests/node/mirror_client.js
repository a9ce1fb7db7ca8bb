// usage: mirror_client.js URL MIB: posts so many MiB to /mirror of a peer_server.js, in chunks, and reads what comes back at
// the same time. Prints {"sent": N, "received": N, "same": true, "early": N}: so many bytes had come back before all was sent.
'use strict';
const http = require('http');
const { createHash } = require('crypto');

const [url, mebibytes] = process.argv.slice(2);
const MIB = 1 << 20;
const result = { sent: 0, received: 0, early: 0 };
const went = createHash('sha256');
const came = createHash('sha256');
const block = Buffer.from(Array.from({ length: MIB }, (_, at) => (at * at + (at >> 8)) & 255));

const request = http.request(`${url}/mirror`, { method: 'POST' }, (response) => {
  response.on('data', (piece) => {
    came.update(piece);
    result.received += piece.length;
    if (result.sent < Number(mebibytes) * MIB) result.early = result.received;
  });
  response.on('end', () => {
    result.same = went.digest('hex') === came.digest('hex');
    console.log(JSON.stringify(result));
    process.exit(0);
  });
});

// No two blocks are alike: each begins with its number.
function send() {
  while (result.sent < Number(mebibytes) * MIB) {
    const piece = Buffer.from(block);
    piece.writeUInt32LE(result.sent / MIB);
    went.update(piece);
    result.sent += MIB;
    if (!request.write(piece)) {
      request.once('drain', send);
      return;
    }
  }
  request.end();
}
send();
