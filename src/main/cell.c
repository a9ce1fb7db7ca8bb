#include "main/cell.h"

#include <stdarg.h>
#include <stdio.h>

char *cell_make(const char *format, ...)
{
    char *cell = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&cell, format, arguments) < 0)
        cell = NULL;
    va_end(arguments);
    for (char *c = cell; c && *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    return cell;
}

int cell_width(const char *cell)
{
    int width = 0;
    for (; cell && *cell; cell++)
        width += ((unsigned char)*cell & 0xc0) != 0x80;
    return width;
}

void cell_print(const char *cell, int width, bool last)
{
    printf("%s%*s", cell ? cell : "", last ? 0 : width - cell_width(cell) + 2, "");
}
