/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * GET /problems/{problem}: the section of docs/problems.md about that problem type. The vault is
 * not asked: what a problem means can be read while nothing else works. Owns no state.
 */
#include <stdio.h>
#include <string.h>

#include "api/answer.h"
#include "api/handler.h"
#include "api/problems_md.h"
#include "api/query.h"
#include "api/request.h"

#define HEADING_SIZE 64

static const unsigned char *find(struct bytes text, const char *wanted)
{
    return memmem(text.data, text.length, wanted, strlen(wanted));
}

/* From its heading to the next one; nothing when there is no such section. */
static struct bytes section_of(const char *name)
{
    struct bytes text = bytes_of(PROBLEMS_MD, PROBLEMS_MD_LENGTH);
    char heading[HEADING_SIZE];
    int length = snprintf(heading, sizeof heading, "\n## %s\n", name);
    const unsigned char *at = length < HEADING_SIZE ? find(text, heading) : NULL;
    if (at == NULL)
        return bytes_of(NULL, 0);
    struct bytes section = bytes_of(at + 1, (size_t)(text.data + text.length - at) - 1);
    const unsigned char *end = find(section, "\n## ");
    if (end != NULL)
        section.length = (size_t)(end - section.data);
    return section;
}

static enum error start(struct request *request)
{
    enum error e = query_refuse_any(request);
    if (e != ERR_OK)
        return e;
    request->result.page = section_of(request->match.segment);
    if (request->result.page.length == 0)
        return fault_set(&request->fault, ERR_ROUTE_UNKNOWN, "no-such-problem",
                         "No problem type has this name.", 0);
    return ERR_OK;
}

static enum MHD_Result answer(struct request *request)
{
    struct bytes page = request->result.page;
    struct MHD_Response *response = MHD_create_response_from_buffer(
        page.length, (void *)(uintptr_t)page.data, MHD_RESPMEM_PERSISTENT);
    if (response != NULL)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                                      "text/markdown; charset=utf-8");
    return answer_response(request, MHD_HTTP_OK, response);
}

const struct handler PROBLEM_HANDLER = {.start = start, .answer = answer};
