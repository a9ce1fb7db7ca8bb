// Tells limpet of sessions whatever it is asked to: /connection?id=ID, /disconnection?id=ID. Answers with its slot, once that is
// on its way.
'use strict';
require('http').createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://app');
  const answer = () => response.end(process.env.LIMPET_SLOT);
  if (searchParams.has('id')) process.send({ type: `sticky:${pathname.slice(1)}`, data: searchParams.get('id') }, answer);
  else answer();
}).listen(Number(process.env.PORT), '127.0.0.1');
