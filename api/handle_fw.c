/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The drop-in routes for stations that were made for ST's early license server:
 * POST /fw/sfi/{FwId}/get/license and GET /fw/sfi/{FwId}/get/image. FwId is an image's alias. Such
 * stations may send more in a query than we know: only the user is looked at. Owns no state.
 */
#include <string.h>

#include "api/handler.h"
#include "api/multipart.h"
#include "api/query.h"
#include "api/request.h"
#include "api/steps.h"

#define CERTIFICATE_FIELD "dev_certificate_file"
#define USER_KEY          "user"

static enum error check_alias(struct request *request)
{
    if (name_is_valid(request->match.segment, API_NAME_MAX_BYTES))
        return ERR_OK;
    return fault_set(&request->fault, ERR_IMAGE_UNKNOWN, "not-an-alias",
                     "The path names no image: an alias has 1 to 64 letters, digits, dots, dashes "
                     "and underscores, the first a letter or digit.",
                     0);
}

/* ---- the user ---- */

struct user_search {
    unsigned count;
    const char *value; /* with its escapes; NULL: the key came without "=" */
};

static enum MHD_Result note_user(void *context, enum MHD_ValueKind kind, const char *key,
                                 const char *value)
{
    struct user_search *search = context;
    (void)kind;
    if (strcmp(key, USER_KEY) == 0) {
        search->count++;
        search->value = value;
    }
    return MHD_YES;
}

static enum error refuse_user(struct request *request, const char *reason, const char *detail)
{
    strcpy(request->path.text, "?" USER_KEY);
    return fault_set(&request->fault, ERR_BAD_REQUEST, reason, detail, 0);
}

/* Writes "" when the query has no user, or an empty one. */
static enum error read_user(struct request *request, char out[API_NAME_SIZE])
{
    struct user_search search = {0};
    size_t length = 0;
    (void)MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, note_user, &search);
    out[0] = '\0';
    if (search.count > 1)
        return refuse_user(request, "duplicate-user", "The query names the user twice.");
    if (search.value == NULL)
        return ERR_OK;
    if (!query_unescape(search.value, out, API_NAME_SIZE, &length))
        return refuse_user(request, "malformed-escape",
                           "The user holds a percent sign that begins no escape.");
    if (length > API_NAME_MAX_BYTES)
        return refuse_user(request, "text-too-long",
                           "The user is longer than " API_NUMBER_OF(API_NAME_MAX_BYTES) " bytes.");
    if (text_has_control(bytes_of(out, length)))
        return refuse_user(request, "control-character", "The user holds a control character.");
    if (!text_is_utf8(bytes_of(out, length)))
        return refuse_user(request, "invalid-utf-8", "The user is not UTF-8.");
    return ERR_OK;
}

/* ---- the license ---- */

static enum error ask_license(struct request *request, char *user, struct multipart_part *part)
{
    Provisiond__LicenseRequest license = PROVISIOND__LICENSE_REQUEST__INIT;
    Provisiond__LicenseContext context = PROVISIOND__LICENSE_CONTEXT__INIT;
    context.operator_name = user;
    license.alias = request->match.segment;
    license.st_certificate.data = part->data;
    license.st_certificate.len = part->length;
    license.context = &context;
    return license_ask(request, &license);
}

static enum error start_license(struct request *request)
{
    const struct multipart_form form = {.connection = request->connection,
                                        .body = bytes_of(request->body, request->body_length),
                                        .field = CERTIFICATE_FIELD};
    struct multipart_part part;
    char user[API_NAME_SIZE];
    enum error e = check_alias(request);
    if (e == ERR_OK)
        e = read_user(request, user);
    if (e == ERR_OK)
        e = multipart_read(&form, &part, &request->path, &request->fault);
    if (e != ERR_OK)
        return e;
    request->result.license.form = LICENSE_OCTETS; /* what Accept says does not matter */
    request->result.license.device_path = CERTIFICATE_FIELD;
    return ask_license(request, user, &part);
}

const struct handler FW_LICENSE_HANDLER = {.start = start_license,
                                           .take = license_take,
                                           .locate = license_locate,
                                           .answer = license_answer};

/* ---- the image ---- */

static enum error start_image(struct request *request)
{
    Provisiond__ImageContentRequest content = PROVISIOND__IMAGE_CONTENT_REQUEST__INIT;
    enum error e = check_alias(request);
    if (e != ERR_OK)
        return e;
    request->result.content.is_named = true;
    content.alias = request->match.segment;
    return content_ask(request, &content);
}

const struct handler FW_IMAGE_HANDLER = {
    .start = start_image, .take = content_take, .answer = content_answer};
