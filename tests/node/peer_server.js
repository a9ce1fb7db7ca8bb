// usage: peer_server.js [NAME PORT]: an HTTP server that does what HTTP servers do. Without words it is a worker, its name
// is its slot, and the port is $PORT.
//   /facts...   tells of the request in JSON, once its body and trailers are there
//   /bytes/N    sends N bytes, with their length in front; /chunks/N without, and with their digest as a trailer
//   /mirror     sends the body back while it comes
//   /gzip       sends a text that is compressed
//   /hints      sends 103 first
//   /status/N   answers with that status and no body
//   /refuse     answers 413 and never reads the body
//   /quiet      upgraded: never says a word; /forbidden: not upgraded, but answered 403
// Everything else is answered with the server's name. What is upgraded to "websocket" is handed to ws, and echoed.
'use strict';
const http = require('http');
const zlib = require('zlib');
const { createHash } = require('crypto');
const { WebSocketServer } = require('ws');

const [name = process.env.LIMPET_SLOT, port = process.env.PORT] = process.argv.slice(2);
const PIECE = Buffer.from(Array.from({ length: 1 << 16 }, (_, at) => at % 251));

function facts(request, response) {
  const hash = createHash('sha256');
  let length = 0;
  request.on('data', (piece) => {
    hash.update(piece);
    length += piece.length;
  });
  request.on('end', () => response.end(JSON.stringify({
    name, method: request.method, target: request.url, version: request.httpVersion, headers: request.headers,
    names: request.rawHeaders.filter((_, at) => at % 2 === 0), trailers: request.trailers,
    length, digest: hash.digest('hex'), port: request.socket.remotePort,
  })));
}

// As fast as they are taken, and no faster. The bytes repeat, so that nobody has to keep them.
function send(response, count, hash) {
  let left = count;
  const more = () => {
    while (left > 0) {
      const piece = PIECE.subarray(0, Math.min(left, PIECE.length));
      left -= piece.length;
      if (hash) hash.update(piece);
      if (!response.write(piece)) return response.once('drain', more);
    }
    if (hash) response.addTrailers({ 'X-Digest': hash.digest('hex') });
    return response.end();
  };
  more();
}

const answers = {
  facts,
  bytes(request, response, count) {
    response.setHeader('Content-Length', count);
    if (request.method === 'HEAD') response.end();
    else send(response, count);
  },
  chunks(request, response, count) {
    const chunked = request.httpVersion === '1.1';
    if (chunked) response.setHeader('Trailer', 'X-Digest');
    response.flushHeaders();
    if (request.method === 'HEAD') response.end();
    else send(response, count, chunked ? createHash('sha256') : null);
  },
  mirror(request, response) {
    response.flushHeaders();
    request.pipe(response);
  },
  gzip(request, response) {
    response.setHeader('Content-Encoding', 'gzip');
    response.end(zlib.gzipSync('a compressed text '.repeat(1000)));
  },
  hints(request, response) {
    response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
    response.end(`${name}\n`);
  },
  status(request, response, status) {
    response.statusCode = status;
    response.end();
  },
  refuse(request, response) {
    response.statusCode = 413;
    response.end('too much\n');
  },
};

function answer(request, response) {
  const [, first, second] = request.url.split('?')[0].split('/');
  if (Object.hasOwn(answers, first)) answers[first](request, response, Number(second));
  else response.end(`${name}\n`);
}

const server = http.createServer(answer);
server.keepAliveTimeout = 60000;
server.on('checkContinue', (request, response) => {
  if (!request.url.startsWith('/refuse')) response.writeContinue();
  answer(request, response);
});

const sockets = new WebSocketServer({ noServer: true, maxPayload: 1 << 24 });
server.on('upgrade', (request, socket, head) => {
  socket.on('error', () => {});
  if (request.url === '/forbidden') {
    socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno\n');
    server.emit('connection', socket);
  } else if (request.url === '/quiet') {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    socket.on('end', () => setTimeout(() => socket.end('after the end\n'), 200)).resume();
  } else {
    sockets.handleUpgrade(request, socket, head, (client) => {
      client.on('error', () => {});
      client.on('message', (data, isBinary) => client.send(data, { binary: isBinary }));
      client.on('close', () => {});
    });
  }
});
server.listen(Number(port), '127.0.0.1');
