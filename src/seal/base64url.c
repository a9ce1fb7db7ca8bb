#include "seal/base64url.h"

/* What a letter stands for, counted from 1; 0 is no letter. */
static const uint8_t letters[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['-'] = 63, ['_'] = 64,
};

/* Up to four letters as up to 24 bits, from the highest on; *wrong is set if one is none. */
static uint32_t read_group(const uint8_t *text, size_t count, bool *wrong)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; i++) {
        uint32_t letter = i < count ? letters[text[i]] : 1;
        *wrong |= letter == 0;
        bits = bits << 6 | (letter - 1);
    }
    return bits;
}

size_t base64url_read(struct span text, uint8_t *bytes)
{
    size_t whole = text.length / 4 * 4, left = text.length % 4;
    bool wrong = left == 1;
    for (size_t i = 0; i < whole; i += 4, bytes += 3) {
        uint32_t bits = read_group(text.data + i, 4, &wrong);
        bytes[0] = (uint8_t)(bits >> 16);
        bytes[1] = (uint8_t)(bits >> 8);
        bytes[2] = (uint8_t)bits;
    }
    if (left > 1) {
        uint32_t bits = read_group(text.data + whole, left, &wrong);
        wrong |= (bits & (left == 2 ? 0xffff : 0xff)) != 0;
        bytes[0] = (uint8_t)(bits >> 16);
        if (left == 3)
            bytes[1] = (uint8_t)(bits >> 8);
    }
    return wrong ? 0 : BASE64URL_BYTES(text.length);
}
