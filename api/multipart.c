/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The strict reader over MHD_PostProcessor. The parser's buffer holds the whole body, so that it
 * hands over each part in one call. Owns no state.
 */
#include "api/multipart.h"

#include <string.h>
#include <strings.h>

#define BOUNDARY_MAX 70 /* RFC 2046 §5.1.1 */
#define NESTED_TYPE  "multipart/mixed"

/* One reading under way. */
struct reader {
    const struct multipart_form *form;
    struct multipart_part part;
    bool has_part;
    struct json_path *path;
    struct fault *fault; /* set: the parts that follow are not looked at */
};

static enum error refuse(struct reader *reader, const char *reason, const char *detail)
{
    return fault_set(reader->fault, ERR_BAD_REQUEST, reason, detail, 0);
}

/* ---- before the parser ---- */

/*
 * The parser takes whatever follows "boundary=" to the header's end. So that has to be a boundary
 * and nothing else: 1 to 70 characters, in quotes when one of them is no token character.
 */
static bool is_boundary(const char *text)
{
    static const char token[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "'+_-.";
    static const char quoted[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                 "'+_-.(),/:=? ";
    size_t length = strlen(text);
    if (text[0] != '"')
        return length >= 1 && length <= BOUNDARY_MAX && strspn(text, token) == length;
    return length >= 3 && length <= BOUNDARY_MAX + 2 && text[length - 1] == '"' &&
           text[length - 2] != ' ' && strspn(text + 1, quoted) == length - 2;
}

/* The only parameter of the media type, which the route has checked. */
static enum error check_boundary(struct reader *reader)
{
    static const char type[] = "multipart/form-data";
    static const char parameter[] = "boundary=";
    const char *header = MHD_lookup_connection_value(reader->form->connection, MHD_HEADER_KIND,
                                                     MHD_HTTP_HEADER_CONTENT_TYPE);
    const char *rest =
        header != NULL && strlen(header) > sizeof type ? header + sizeof type - 1 : "";
    rest += strspn(rest, " \t");
    rest += *rest == ';';
    rest += strspn(rest, " \t");
    if (strncmp(rest, parameter, sizeof parameter - 1) != 0 ||
        !is_boundary(rest + sizeof parameter - 1))
        return refuse(reader, "boundary",
                      "The Content-Type of a form has one parameter: boundary=, with 1 to 70 "
                      "characters as RFC 2046 allows.");
    return ERR_OK;
}

/* The parser opens a multipart/mixed inside a part and never says so. */
static enum error check_nesting(struct reader *reader)
{
    struct bytes body = reader->form->body;
    size_t length = strlen(NESTED_TYPE);
    for (size_t i = 0; i + length <= body.length; i++) {
        if (strncasecmp((const char *)body.data + i, NESTED_TYPE, length) == 0)
            return refuse(reader, "nested-form", "A part of the form is a " NESTED_TYPE ".");
    }
    return ERR_OK;
}

/* ---- parts ---- */

static bool is_unencoded(const char *encoding)
{
    return encoding == NULL || strcasecmp(encoding, "binary") == 0 ||
           strcasecmp(encoding, "8bit") == 0 || strcasecmp(encoding, "7bit") == 0;
}

static enum error check_part(struct reader *reader, const char *name, const char *encoding)
{
    if (name == NULL)
        return refuse(reader, "unnamed-part",
                      "A part of the form has no name: Content-Disposition: form-data; "
                      "name=\"...\", in quotes.");
    if (name_is_valid(name, API_NAME_MAX_BYTES))
        strcpy(reader->path->text, name);
    if (strcmp(name, reader->form->field) != 0)
        return refuse(reader, "unknown-part", "The form has a part that is not known.");
    if (reader->has_part)
        return refuse(reader, "duplicate-part", "The form has this part twice.");
    if (!is_unencoded(encoding))
        return refuse(reader, "encoded-part",
                      "The part has a Content-Transfer-Encoding: its bytes are taken as they are.");
    return ERR_OK;
}

static enum error keep_part(struct reader *reader, const char *data, size_t length)
{
    if (length == 0)
        return refuse(reader, "empty-part", "The part is empty.");
    if (length > sizeof reader->part.data)
        return fault_set(reader->fault, ERR_TOO_LARGE, "part-too-large",
                         "The part is larger than " API_NUMBER_OF(API_ST_CERT_MAX_BYTES) " bytes.",
                         0);
    memcpy(reader->part.data, data, length);
    reader->part.length = length;
    reader->has_part = true;
    reader->path->text[0] = '\0';
    return ERR_OK;
}

/* Called with each part; the number of parameters is libmicrohttpd's choice. */
/* NOLINTNEXTLINE(readability-function-size) */
static enum MHD_Result take_part(void *context, enum MHD_ValueKind kind, const char *name,
                                 const char *file_name, const char *media_type,
                                 const char *encoding, const char *data, uint64_t offset,
                                 size_t length)
{
    struct reader *reader = context;
    (void)kind;
    (void)file_name;
    (void)media_type;
    (void)offset;
    enum error e = check_part(reader, name, encoding);
    if (e == ERR_OK)
        e = keep_part(reader, data, length);
    return e == ERR_OK ? MHD_YES : MHD_NO;
}

/* ---- the form ---- */

static enum error parse(struct reader *reader)
{
    struct bytes body = reader->form->body;
    struct MHD_PostProcessor *parser =
        MHD_create_post_processor(reader->form->connection, API_FORM_MAX_BYTES, take_part, reader);
    if (parser == NULL)
        return fault_set(reader->fault, ERR_BUSY, "memory", "The server is out of memory.", 0);
    /* Both say no: the first to a wrong form, the second to one that is not over. */
    bool is_read = MHD_post_process(parser, (const char *)body.data, body.length) == MHD_YES;
    bool is_whole = MHD_destroy_post_processor(parser) == MHD_YES;
    if (reader->fault->code != ERR_OK)
        return reader->fault->code;
    if (!is_read || !is_whole)
        return refuse(reader, "broken-form",
                      "The form is broken, or ends before its last boundary.");
    return ERR_OK;
}

enum error multipart_read(const struct multipart_form *form, struct multipart_part *ret_part,
                          struct json_path *ret_path, struct fault *fault)
{
    struct fault own = {0};
    struct reader reader = {.form = form, .path = ret_path, .fault = &own};
    ret_path->text[0] = '\0';
    enum error e = check_boundary(&reader);
    if (e == ERR_OK)
        e = check_nesting(&reader);
    if (e == ERR_OK)
        e = parse(&reader);
    if (e == ERR_OK && !reader.has_part) {
        strcpy(ret_path->text, form->field);
        e = refuse(&reader, "part-missing", "The form lacks this part.");
    }
    if (e == ERR_OK)
        *ret_part = reader.part;
    else
        *fault = own;
    return e;
}
