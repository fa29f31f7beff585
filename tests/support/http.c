/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * libcurl with one handle per request: each is a new connection and a full handshake. Each exchange
 * is kept for the judge of the contract (rig/exchange.h).
 */
#include "support/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <curl/curl.h>

#include "rig/exchange.h"

#define REQUEST_TIMEOUT_S 60L

void http_init(void)
{
    ck_assert_int_eq(curl_global_init(CURL_GLOBAL_DEFAULT), CURLE_OK);
}

static size_t append(char **text, size_t *length, const char *data, size_t size)
{
    char *longer = realloc(*text, *length + size + 1);
    if (longer == NULL)
        return 0;
    memcpy(longer + *length, data, size);
    *length += size;
    longer[*length] = '\0';
    *text = longer;
    return size;
}

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
    struct http_answer *answer = context;
    return append(&answer->body, &answer->length, data, size * count);
}

static size_t take_header(char *data, size_t size, size_t count, void *context)
{
    struct http_answer *answer = context;
    return append(&answer->headers, &answer->headers_length, data, size * count);
}

static void set_identity(CURL *curl, const struct rig *rig, const struct http_request *request)
{
    const char *cert = request->cert != NULL ? request->cert : rig->station_cert;
    const char *key = request->cert != NULL ? request->key : rig->station_key;
    (void)curl_easy_setopt(curl, CURLOPT_CAINFO, rig->ca);
    if (cert[0] == '\0')
        return;
    (void)curl_easy_setopt(curl, CURLOPT_SSLCERT, cert);
    (void)curl_easy_setopt(curl, CURLOPT_SSLKEY, key);
}

static struct curl_slist *set_content(CURL *curl, const struct http_request *request)
{
    struct curl_slist *headers = NULL;
    char accept[128];
    (void)snprintf(accept, sizeof accept, "Accept: %s",
                   request->accept != NULL ? request->accept : "application/json");
    headers = curl_slist_append(headers, accept);
    if (request->body != NULL) {
        size_t length = request->body_length != 0 ? request->body_length : strlen(request->body);
        headers = curl_slist_append(headers, "Content-Type: application/json");
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length);
    }
    (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    if (request->range != NULL)
        (void)curl_easy_setopt(curl, CURLOPT_RANGE, request->range);
    return headers;
}

static void keep(const struct http_request *request, const struct http_answer *answer)
{
    struct exchange exchange = {
        .method = request->method,
        .path = request->path,
        .status = answer->status,
        .headers = bytes_of(answer->headers, answer->headers_length),
        .body = bytes_of(answer->body, answer->length),
        .length = (int64_t)answer->length,
    };
    if (request->body != NULL)
        exchange.request =
            bytes_of(request->body,
                     request->body_length != 0 ? request->body_length : strlen(request->body));
    ck_assert_msg(exchange_keep(&exchange), "the exchange cannot be kept");
}

void http_send(const struct rig *rig, const struct http_request *request,
               struct http_answer *ret_answer)
{
    char url[2 * RIG_VALUE_MAX];
    CURL *curl = curl_easy_init();
    *ret_answer = (struct http_answer){0};
    (void)snprintf(url, sizeof url, "%s%s", rig->url, request->path);
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT,
                           request->timeout_s != 0 ? request->timeout_s : REQUEST_TIMEOUT_S);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, ret_answer);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERDATA, ret_answer);
    set_identity(curl, rig, request);
    struct curl_slist *headers = set_content(curl, request);
    if (curl_easy_perform(curl) == CURLE_OK)
        (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &ret_answer->status);
    if (ret_answer->status != 0 && ret_answer->body != NULL)
        ret_answer->json = json_loadb(ret_answer->body, ret_answer->length, 0, NULL);
    keep(request, ret_answer);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
}

void http_answer_clear(struct http_answer *answer)
{
    free(answer->body);
    free(answer->headers);
    json_decref(answer->json);
    *answer = (struct http_answer){0};
}

const char *http_text(const struct http_answer *answer, const char *member)
{
    const char *text = json_string_value(json_object_get(answer->json, member));
    return text != NULL ? text : "";
}

json_int_t http_number(const struct http_answer *answer, const char *member)
{
    const json_t *value = json_object_get(answer->json, member);
    if (json_is_boolean(value))
        return json_is_true(value);
    return json_is_integer(value) ? json_integer_value(value) : -1;
}

const char *http_problem(const struct http_answer *answer)
{
    const char *slash = strrchr(http_text(answer, "type"), '/');
    return slash != NULL ? slash + 1 : "";
}

static void send_json(const struct rig *rig, const char *path, json_t *body,
                      struct http_answer *ret_answer)
{
    char *text = json_dumps(body, JSON_COMPACT);
    const struct http_request request = {.method = "POST", .path = path, .body = text};
    http_send(rig, &request, ret_answer);
    free(text);
    json_decref(body);
}

void http_license(const struct rig *rig, const char *chain_pem, const char *image,
                  struct http_answer *ret_answer)
{
    http_license_of(rig, rig->product, chain_pem, image, ret_answer);
}

void http_license_of(const struct rig *rig, const char *product, const char *chain_pem,
                     const char *image, struct http_answer *ret_answer)
{
    json_t *body = json_pack("{ss ss s{ss} s{ss ss}}", "product", product, "image",
                             image != NULL ? image : "latest", "device", "certificate_chain",
                             chain_pem, "context", "line", "line-1", "lot", "lot-7");
    ck_assert_ptr_nonnull(body);
    send_json(rig, "/v1/licenses", body, ret_answer);
}

void http_st_license(const struct rig *rig, struct bytes certificate,
                     struct http_answer *ret_answer)
{
    char *text = NULL;
    ck_assert_int_eq(base64_encode(certificate, &text), ERR_OK);
    send_json(rig, "/v1/licenses",
              json_pack("{ss s{ss}}", "product", rig->st_product, "device", "st_certificate", text),
              ret_answer);
    free(text);
}

void http_outcome(const struct rig *rig, const char *install_id, const char *result,
                  struct http_answer *ret_answer)
{
    char path[128];
    (void)snprintf(path, sizeof path, "/v1/installs/%s/outcome", install_id);
    send_json(rig, path, json_pack("{ss ss}", "result", result, "code", "E42"), ret_answer);
}
