/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* libcurl as a station. */
#include "call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <check.h>
#include <curl/curl.h>

#include "front.h"

#define CALL_TIMEOUT_S 60
#define PIECE_PAUSE_US 2000

static size_t collect(char **text, size_t *length, const char *data, size_t size)
{
    char *grown = realloc(*text, *length + size + 1);
    ck_assert_ptr_nonnull(grown);
    memcpy(grown + *length, data, size);
    *length += size;
    grown[*length] = '\0';
    *text = grown;
    return size;
}

static size_t collect_body(char *data, size_t size, size_t count, void *context)
{
    struct answer *answer = context;
    return collect(&answer->body, &answer->length, data, size * count);
}

static size_t collect_header(char *data, size_t size, size_t count, void *context)
{
    struct answer *answer = context;
    return collect(&answer->headers, &answer->headers_length, data, size * count);
}

/* ---- one call ---- */

static void set_client(CURL *curl, const char *client)
{
    const char *name = client != NULL ? client : "station";
    (void)curl_easy_setopt(curl, CURLOPT_CAINFO, front_pki_path("ca", "pem"));
    if (*name == '\0')
        return;
    (void)curl_easy_setopt(curl, CURLOPT_SSLCERT, front_pki_path(name, "pem"));
    (void)curl_easy_setopt(curl, CURLOPT_SSLKEY, front_pki_path(name, "key"));
}

static struct curl_slist *append_media_type(struct curl_slist *list, const struct call *call)
{
    char header[512];
    (void)snprintf(header, sizeof header, "Content-Type: %s",
                   call->media_type != NULL ? call->media_type : "application/json");
    return curl_slist_append(list, header);
}

static struct curl_slist *headers_of(const struct call *call)
{
    struct curl_slist *list = NULL;
    for (size_t i = 0; i < CALL_HEADERS_MAX && call->headers[i] != NULL; i++)
        list = curl_slist_append(list, call->headers[i]);
    if (call->body != NULL && !call->has_no_media_type)
        list = append_media_type(list, call);
    if (call->has_no_media_type)
        list = curl_slist_append(list, "Content-Type:");
    if (call->is_chunked)
        list = curl_slist_append(list, "Transfer-Encoding: chunked");
    return list;
}

/* One body that is sent in pieces at a time. */
static _Thread_local struct {
    const char *at;
    size_t left;
    size_t piece;
} slow_body;

static size_t send_piece(char *out, size_t size, size_t count, void *context)
{
    size_t length = slow_body.piece < slow_body.left ? slow_body.piece : slow_body.left;
    (void)context;
    ck_assert_uint_le(length, size * count);
    memcpy(out, slow_body.at, length);
    slow_body.at += length;
    slow_body.left -= length;
    (void)usleep(PIECE_PAUSE_US);
    return length;
}

static void set_body(CURL *curl, const struct call *call)
{
    size_t length = call->body_length > 0 ? call->body_length : strlen(call->body);
    (void)curl_easy_setopt(curl, CURLOPT_POST, 1L);
    if (call->piece > 0) {
        slow_body.at = call->body;
        slow_body.left = length;
        slow_body.piece = call->piece;
        (void)curl_easy_setopt(curl, CURLOPT_READFUNCTION, send_piece);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length);
        return;
    }
    (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body);
    (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length);
}

static CURL *make_easy(const struct call *call, struct curl_slist *headers, struct answer *answer)
{
    char url[512];
    CURL *curl = curl_easy_init();
    ck_assert_ptr_nonnull(curl);
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%u%s", (unsigned)api_port(front.api),
                   call->path);
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)CALL_TIMEOUT_S);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect_body);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, collect_header);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERDATA, answer);
    (void)curl_easy_setopt(curl, CURLOPT_SSLVERSION, call->tls);
    if (call->ciphers != NULL)
        (void)curl_easy_setopt(curl, CURLOPT_SSL_CIPHER_LIST, call->ciphers);
    if (call->address != NULL)
        (void)curl_easy_setopt(curl, CURLOPT_INTERFACE, call->address);
    set_client(curl, call->client);
    if (call->body != NULL)
        set_body(curl, call);
    if (call->method != NULL && strcmp(call->method, "HEAD") == 0)
        (void)curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    else if (call->method != NULL)
        (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
    return curl;
}

void call_send(const struct call *call, struct answer *ret_answer)
{
    memset(ret_answer, 0, sizeof *ret_answer);
    struct curl_slist *headers = headers_of(call);
    CURL *curl = make_easy(call, headers, ret_answer);
    (void)curl_easy_perform(curl); /* a broken call has no status, or one and a reset after it */
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &ret_answer->status);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    if (ret_answer->body != NULL)
        ret_answer->json = json_loadb(ret_answer->body, ret_answer->length, 0, NULL);
}

void answer_clear(struct answer *answer)
{
    free(answer->headers);
    free(answer->body);
    json_decref(answer->json);
    memset(answer, 0, sizeof *answer);
}

long call_status(const struct call *call)
{
    struct answer answer;
    call_send(call, &answer);
    long status = answer.status;
    answer_clear(&answer);
    return status;
}

const char *call_license_body(const char *product)
{
    static _Thread_local char text[512];
    (void)snprintf(text, sizeof text,
                   "{\"product\":\"%s\",\"device\":{\"certificate_chain\":\"PEM\"},"
                   "\"context\":{\"lot\":\"L7\",\"operator\":\"ann\"}}",
                   product);
    return text;
}

void call_license(const char *product, struct answer *ret_answer)
{
    call_send(&(struct call){.path = "/v1/licenses", .body = call_license_body(product)},
              ret_answer);
}

/* ---- answers ---- */

const char *answer_header(const struct answer *answer, const char *name)
{
    static _Thread_local char value[512];
    size_t length = strlen(name);
    value[0] = '\0';
    for (const char *at = answer->headers; at != NULL && *at != '\0'; at = strchr(at, '\n') + 1) {
        if (strncasecmp(at, name, length) != 0 || at[length] != ':')
            continue;
        at += length + 1;
        at += strspn(at, " ");
        (void)snprintf(value, sizeof value, "%.*s", (int)strcspn(at, "\r\n"), at);
        break;
    }
    return value;
}

const char *answer_text(const struct answer *answer, const char *member)
{
    const char *text = json_string_value(json_object_get(answer->json, member));
    return text != NULL ? text : "";
}

void answer_expect_problem(const struct answer *answer, long status, const char *name)
{
    char type[128];
    (void)snprintf(type, sizeof type, "/problems/%s", name);
    ck_assert_str_eq(answer_text(answer, "type"), type);
    ck_assert_int_eq(answer->status, status);
    ck_assert_int_eq(json_integer_value(json_object_get(answer->json, "status")), status);
    ck_assert_str_eq(answer_header(answer, "Content-Type"), "application/problem+json");
    ck_assert_str_eq(answer_header(answer, "X-Request-Id"), answer_text(answer, "request_id"));
    ck_assert_str_ne(answer_text(answer, "title"), "");
    ck_assert_str_ne(answer_text(answer, "detail"), "");
    ck_assert(json_is_boolean(json_object_get(answer->json, "retryable")));
    bool says_when = json_object_get(answer->json, "until") != NULL;
    ck_assert_int_eq(answer_header(answer, "Retry-After")[0] != '\0',
                     status == 503 || status == 429 || says_when);
}

/* ---- a kept connection ---- */

struct kept {
    CURL *easy;
    struct answer unused; /* where make_easy points first */
};

struct kept *kept_open(const char *path)
{
    struct kept *kept = calloc(1, sizeof *kept);
    ck_assert_ptr_nonnull(kept);
    kept->easy = make_easy(&(struct call){.path = path}, NULL, &kept->unused);
    return kept;
}

void kept_send(struct kept *kept, struct answer *ret_answer)
{
    memset(ret_answer, 0, sizeof *ret_answer);
    (void)curl_easy_setopt(kept->easy, CURLOPT_WRITEDATA, ret_answer);
    (void)curl_easy_setopt(kept->easy, CURLOPT_HEADERDATA, ret_answer);
    (void)curl_easy_perform(kept->easy);
    (void)curl_easy_getinfo(kept->easy, CURLINFO_RESPONSE_CODE, &ret_answer->status);
    if (ret_answer->body != NULL)
        ret_answer->json = json_loadb(ret_answer->body, ret_answer->length, 0, NULL);
}

void kept_close(struct kept *kept)
{
    curl_easy_cleanup(kept->easy);
    free(kept);
}

/* ---- many calls ---- */

struct calls {
    CURLM *multi;
    struct curl_slist *headers;
    size_t count;
    CURL *easy[CALL_MANY_MAX];
    struct answer answers[CALL_MANY_MAX];
};

struct calls *calls_start(const struct call *call, size_t count)
{
    struct calls *calls = calloc(1, sizeof *calls);
    ck_assert_ptr_nonnull(calls);
    ck_assert_uint_le(count, CALL_MANY_MAX);
    calls->multi = curl_multi_init();
    calls->headers = headers_of(call);
    calls->count = count;
    for (size_t i = 0; i < count; i++) {
        calls->easy[i] = make_easy(call, calls->headers, &calls->answers[i]);
        (void)curl_multi_add_handle(calls->multi, calls->easy[i]);
    }
    return calls;
}

size_t calls_pump(struct calls *calls)
{
    int running = 0;
    (void)curl_multi_perform(calls->multi, &running);
    (void)curl_multi_poll(calls->multi, NULL, 0, 20, NULL);
    (void)curl_multi_perform(calls->multi, &running);
    return (size_t)running;
}

size_t calls_count(struct calls *calls, long status)
{
    size_t count = 0;
    for (size_t i = 0; i < calls->count; i++) {
        long got = 0;
        (void)curl_easy_getinfo(calls->easy[i], CURLINFO_RESPONSE_CODE, &got);
        count += got == status;
    }
    return count;
}

void calls_free(struct calls *calls)
{
    for (size_t i = 0; i < calls->count; i++) {
        (void)curl_multi_remove_handle(calls->multi, calls->easy[i]);
        curl_easy_cleanup(calls->easy[i]);
        answer_clear(&calls->answers[i]);
    }
    (void)curl_multi_cleanup(calls->multi);
    curl_slist_free_all(calls->headers);
    free(calls);
}
