// What every contender's worker does with a request: as little as a Node program can.
'use strict';

const body = 'x'.repeat(128);

module.exports = (request, response) => {
  response.end(body);
};
