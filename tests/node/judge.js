// usage: judge.js < CONVERSATIONS: says how Node's HTTP server reads them. A conversation is what one connection brings: a
// length (four bytes, the lowest first) and so many bytes. For each a line is printed: {"requests": [{"method", "url", "host",
// "headers", "body", "whole"}, ...], "error": CODE or null}. Bodies are in hexadecimal digits; `headers` are as they came.
'use strict';
const http = require('http');
const { Duplex } = require('stream');

const { each } = require('./conversations');

const QUIET_TURNS = 4; // of the event loop, until nothing more is expected

let moves = 0; // goes on as long as something happens

// A connection that brings these bytes and then nothing more, not even an end.
class Connection extends Duplex {
  constructor(bytes) {
    super({ autoDestroy: true });
    this.bytes = bytes;
    this.found = { requests: [], error: null };
  }

  _read() {
    if (this.bytes.length) {
      const bytes = this.bytes;
      this.bytes = Buffer.alloc(0);
      this.push(bytes);
    }
  }

  _write(chunk, encoding, done) {
    done();
  }

  setTimeout() {}
}

function note(request, response) {
  const pieces = [];
  const { method, url, rawHeaders: headers } = request;
  const entry = { method, url, host: request.headers.host, headers, body: '', whole: false };
  moves++;
  request.socket.found.requests.push(entry);
  request.on('data', (piece) => {
    moves++;
    pieces.push(piece);
  });
  request.on('end', () => {
    moves++;
    entry.body = Buffer.concat(pieces).toString('hex');
    entry.whole = request.complete;
    if (response) response.end();
  });
  request.on('error', () => {});
}

// As strict as Node is by itself.
const server = http.createServer({ maxHeaderSize: 65536, insecureHTTPParser: false, keepAliveTimeout: 0, requestTimeout: 0 });
server.on('request', note);
server.on('checkExpectation', note);
server.on('connect', (request) => note(request, null));
// Declined, so that what follows is read as before. Without this Node forgets what came in the same piece.
server.on('upgrade', (request, connection, rest) => {
  const { method, url, rawHeaders: headers } = request;
  moves++;
  if (request.headers['content-length'] > 0 || request.headers['transfer-encoding'] !== undefined) {
    connection.found.error = 'UPGRADE_WITH_A_BODY';
    return;
  }
  connection.found.requests.push({ method, url, host: request.headers.host, headers, body: '', whole: true });
  if (rest.length) connection.unshift(rest);
  server.emit('connection', connection);
});
server.on('clientError', (error, connection) => {
  moves++;
  connection.found.error = connection.found.error || error.code || String(error);
  // Not destroyed yet: the requests before are still being delivered.
});

function turn() {
  return new Promise((resolve) => setImmediate(resolve));
}

async function judge(conversations) {
  const connections = conversations.map((bytes) => new Connection(bytes));
  for (const connection of connections) {
    connection.on('error', () => {});
    server.emit('connection', connection);
  }
  for (let quiet = 0, before = -1; quiet < QUIET_TURNS; before = moves) {
    await turn();
    quiet = moves === before ? quiet + 1 : 0;
  }
  return connections.map((connection) => {
    connection.destroy();
    return JSON.stringify(connection.found);
  });
}

each(judge);
