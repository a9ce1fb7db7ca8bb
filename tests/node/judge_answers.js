// usage: judge_answers.js < CONVERSATIONS: says how Node's HTTP client reads answers. A conversation is what one connection
// brings for one request: a length (four bytes, the lowest first) and so many bytes, the first of which is H if the request
// was HEAD, else G, and is no part of it. For each a line is printed: {"status", "body", "whole", "interim": [STATUS, ...],
// "error": CODE or null}. Bodies are in hexadecimal digits.
'use strict';
const http = require('http');
const { Duplex } = require('stream');

const { each } = require('./conversations');

// A connection that brings these bytes and then its end.
class Connection extends Duplex {
  constructor(bytes) {
    super();
    this.bytes = bytes;
  }

  _read() {
    const bytes = this.bytes;
    this.bytes = null;
    if (bytes && bytes.length) this.push(bytes);
    else this.push(null);
  }

  _write(chunk, encoding, done) {
    done();
  }

  setTimeout() {}

  setNoDelay() {}

  setKeepAlive() {}
}

function judge(conversation) {
  const found = { status: 0, body: '', whole: false, interim: [], error: null };
  const method = conversation[0] === 0x48 ? 'HEAD' : 'GET';
  const connection = new Connection(conversation.subarray(1));
  return new Promise((resolve) => {
    const request = http.request({ method, host: 'h', createConnection: () => connection });
    const finish = (error) => {
      found.error = found.error || (error ? error.code || String(error) : null);
      resolve(JSON.stringify(found));
    };
    request.on('information', ({ statusCode }) => found.interim.push(statusCode));
    request.on('upgrade', ({ statusCode }) => {
      found.status = statusCode;
      finish();
    });
    request.on('response', (response) => {
      const pieces = [];
      found.status = response.statusCode;
      response.on('data', (piece) => pieces.push(piece));
      response.on('error', finish);
      response.on('close', () => {
        found.body = Buffer.concat(pieces).toString('hex');
        found.whole = response.complete;
        finish();
      });
    });
    request.on('error', finish);
    request.end();
  });
}

each((conversations) => Promise.all(conversations.map(judge)));
