/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * GET /v1/images/{digest}/content, and what it shares with the drop-in route: bytes of the
 * descriptor that the vault passed. Owns no state.
 */
#include "api/steps.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "api/answer.h"
#include "api/handler.h"
#include "api/query.h"
#include "api/range.h"
#include "api/request.h"

#define CONTENT_RANGE_SIZE 72

static void format_etag(struct content_result *content, const struct sha256 *digest)
{
    char name[IMAGE_REFERENCE_SIZE];
    image_reference_format(digest, name);
    (void)snprintf(content->etag, sizeof content->etag, "\"%s\"", name);
}

enum error content_ask(struct request *request, Provisiond__ImageContentRequest *content)
{
    Provisiond__StationRequest message = PROVISIOND__STATION_REQUEST__INIT;
    message.op_case = PROVISIOND__STATION_REQUEST__OP_IMAGE_CONTENT;
    message.image_content = content;
    return request_ask(request, &message);
}

enum error image_of_path(struct request *request, struct sha256 *ret_digest)
{
    if (!image_reference_parse(request->match.segment, ret_digest))
        return fault_set(
            &request->fault, ERR_IMAGE_UNKNOWN, "not-an-image",
            "The path names no image by its digest: \"sha256:\" and 64 lower-case hex digits.", 0);
    return ERR_OK;
}

static enum error start(struct request *request)
{
    struct sha256 digest;
    Provisiond__ImageContentRequest content = PROVISIOND__IMAGE_CONTENT_REQUEST__INIT;
    enum error e = query_refuse_any(request);
    if (e == ERR_OK)
        e = image_of_path(request, &digest);
    if (e != ERR_OK)
        return e;
    format_etag(&request->result.content, &digest);
    content.image.data = digest.bytes;
    content.image.len = SHA256_SIZE;
    return content_ask(request, &content);
}

/* Only the vault knows which image an alias means now. */
static bool take_digest(struct content_result *content, const Provisiond__ImageContentReply *reply)
{
    struct sha256 digest;
    if (!content->is_named)
        return true;
    if (reply->image.len != SHA256_SIZE)
        return false;
    memcpy(digest.bytes, reply->image.data, SHA256_SIZE);
    format_etag(content, &digest);
    return true;
}

enum error content_take(struct request *request, const Provisiond__StationReply *reply, int *file)
{
    struct stat info;
    if (reply->result_case != PROVISIOND__STATION_REPLY__RESULT_IMAGE_CONTENT || *file < 0 ||
        fstat(*file, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size < 0 ||
        (uint64_t)info.st_size != reply->image_content->size ||
        !take_digest(&request->result.content, reply->image_content))
        return request_refuse_reply(request);
    request->result.content.size = reply->image_content->size;
    request->file = *file;
    *file = -1;
    return ERR_OK;
}

/* What every answer about the content carries. */
static void add_headers(const struct request *request, struct MHD_Response *response)
{
    const struct content_result *content = &request->result.content;
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, content->etag);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ACCEPT_RANGES, "bytes");
    /* A digest's content never changes, an alias may move; stations alone may have either. */
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL,
                                  content->is_named ? "private, no-cache" : ANSWER_FOR_EVER);
}

static enum MHD_Result answer_unchanged(struct request *request)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    if (response != NULL)
        add_headers(request, response);
    return answer_response(request, MHD_HTTP_NOT_MODIFIED, response);
}

static enum MHD_Result answer_bytes(struct request *request, unsigned status,
                                    const struct range *range)
{
    char text[CONTENT_RANGE_SIZE];
    struct MHD_Response *response =
        MHD_create_response_from_fd_at_offset64(range->length, request->file, range->first);
    if (response == NULL)
        return MHD_NO;
    request->file = -1; /* the response closes it */
    add_headers(request, response);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                                  "application/octet-stream");
    if (status == MHD_HTTP_PARTIAL_CONTENT) {
        (void)snprintf(text, sizeof text, "bytes %llu-%llu/%llu", (unsigned long long)range->first,
                       (unsigned long long)(range->first + range->length - 1),
                       (unsigned long long)request->result.content.size);
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_RANGE, text);
    }
    return answer_response(request, status, response);
}

static enum MHD_Result answer_outside(struct request *request)
{
    (void)fault_set(&request->fault, ERR_RANGE, "range",
                    "The byte range holds no byte of the image.", 0);
    (void)snprintf(request->content_range, sizeof request->content_range, "bytes */%llu",
                   (unsigned long long)request->result.content.size);
    return answer_problem(request);
}

/*
 * The range that counts; NULL for the whole. An alias may have moved since the client got its first
 * bytes: a range that does not say of which image could be the end of another one.
 */
static const char *wanted_range(const struct request *request)
{
    const struct content_result *content = &request->result.content;
    const char *condition = request_header(request, MHD_HTTP_HEADER_IF_RANGE);
    if (request_is_head(request) || (content->is_named && condition == NULL) ||
        !etag_allows_range(condition, content->etag))
        return NULL;
    return request_header(request, MHD_HTTP_HEADER_RANGE);
}

enum MHD_Result content_answer(struct request *request)
{
    const struct content_result *content = &request->result.content;
    struct range range;
    if (etag_is_listed(request_header(request, MHD_HTTP_HEADER_IF_NONE_MATCH), content->etag))
        return answer_unchanged(request);
    switch (range_parse(wanted_range(request), content->size, &range)) {
    case RANGE_OUTSIDE:
        return answer_outside(request);
    case RANGE_PART:
        return answer_bytes(request, MHD_HTTP_PARTIAL_CONTENT, &range);
    default:
        return answer_bytes(request, MHD_HTTP_OK, &range);
    }
}

const struct handler CONTENT_HANDLER = {
    .start = start, .take = content_take, .answer = content_answer};
