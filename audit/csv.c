/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* One field at a time, with what stands behind it. Owns no state. */
#include "audit/csv.h"

#include <string.h>

enum field_end { END_COMMA, END_RECORD, END_WRONG };

void csv_init(struct csv *csv, uint8_t *text, size_t length)
{
    static const uint8_t MARK[] = {0xef, 0xbb, 0xbf};
    bool has_mark = length >= sizeof MARK && memcmp(text, MARK, sizeof MARK) == 0;
    *csv = (struct csv){.at = text + (has_mark ? sizeof MARK : 0), .end = text + length, .line = 1};
}

/* A comma, or the end of a record, is stepped over. */
static enum field_end take_end(struct csv *csv)
{
    if (csv->at == csv->end)
        return END_RECORD;
    if (*csv->at == ',') {
        csv->at++;
        return END_COMMA;
    }
    if (*csv->at == '\r' && csv->at + 1 < csv->end && csv->at[1] == '\n')
        csv->at++;
    if (*csv->at != '\n')
        return END_WRONG;
    csv->at++;
    csv->line++;
    return END_RECORD;
}

/* Behind the opening quote; the content moves together over the doubled ones. */
static bool read_quoted(struct csv *csv, struct bytes *ret_field)
{
    uint8_t *begin = csv->at;
    uint8_t *out = begin;
    while (csv->at < csv->end) {
        if (*csv->at == '"' && (csv->at + 1 == csv->end || csv->at[1] != '"')) {
            csv->at++;
            *ret_field = bytes_of(begin, (size_t)(out - begin));
            return true;
        }
        csv->at += *csv->at == '"' ? 1 : 0;
        csv->line += *csv->at == '\n' ? 1 : 0;
        *out++ = *csv->at++;
    }
    return false;
}

static struct bytes read_plain(struct csv *csv)
{
    uint8_t *begin = csv->at;
    while (csv->at < csv->end && *csv->at != ',' && *csv->at != '\n' && *csv->at != '"' &&
           !(*csv->at == '\r' && csv->at + 1 < csv->end && csv->at[1] == '\n'))
        csv->at++;
    return bytes_of(begin, (size_t)(csv->at - begin));
}

static enum field_end read_field(struct csv *csv, struct bytes *ret_field)
{
    if (csv->at == csv->end || *csv->at != '"') {
        *ret_field = read_plain(csv);
        return take_end(csv);
    }
    csv->at++;
    return read_quoted(csv, ret_field) ? take_end(csv) : END_WRONG;
}

static enum error read_record(struct csv *csv, struct csv_record *record, struct fault *fault)
{
    enum field_end end = END_COMMA;
    record->count = 0;
    record->line = csv->line;
    while (end == END_COMMA) {
        if (record->count == CSV_FIELDS_MAX)
            return fault_set(fault, ERR_BAD_REQUEST, "csv-fields",
                             "There are more than 256 columns.", record->line);
        end = read_field(csv, &record->fields[record->count++]);
    }
    if (end == END_WRONG)
        return fault_set(fault, ERR_BAD_REQUEST, "csv-quote",
                         "A double quote is where none may be, or is missing: a field that holds "
                         "one is quoted as a whole, and the quote in it doubled.",
                         record->line);
    return ERR_OK;
}

enum error csv_next(struct csv *csv, struct csv_record *record, bool *ret_has_record,
                    struct fault *fault)
{
    *ret_has_record = false;
    while (csv->at < csv->end) {
        enum error e = read_record(csv, record, fault);
        if (e != ERR_OK)
            return e;
        if (record->count > 1 || record->fields[0].length > 0) {
            *ret_has_record = true;
            return ERR_OK;
        }
    }
    return ERR_OK;
}
