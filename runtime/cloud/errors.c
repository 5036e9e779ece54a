/* errors.c - one reader for XML, EC2's XML, JSON and HTML refusals; and the tables of codes.
 *
 * Retry classes: as botocore's standard mode has them. Nothing here parses strictly: a peer in
 * trouble sends XML for JSON services and HTML for anything. */
#include "cloud/errors.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"

enum { LOOK_MAX = 64 << 10, MESSAGE_MAX = 240 };

struct row {
    const char *code;
    enum fb_status st;
    enum fb_aws_class retry;
};

static const struct row CODES[] = {
    {"Throttling", FB_ETHROTTLED, FB_AWS_THROTTLE},
    {"ThrottlingException", FB_ETHROTTLED, FB_AWS_THROTTLE},
    {"ThrottledException", FB_ETHROTTLED, FB_AWS_THROTTLE},
    {"RequestThrottled", FB_ETHROTTLED, FB_AWS_THROTTLE},
    {"RequestThrottledException", FB_ETHROTTLED, FB_AWS_THROTTLE},
    {"TooManyRequestsException", FB_ETHROTTLED, FB_AWS_THROTTLE},
    {"RequestLimitExceeded", FB_ETHROTTLED, FB_AWS_THROTTLE},
    {"ProvisionedThroughputExceededException", FB_ETHROTTLED, FB_AWS_THROTTLE},
    {"BandwidthLimitExceeded", FB_ETHROTTLED, FB_AWS_THROTTLE},
    {"LimitExceededException", FB_ETHROTTLED, FB_AWS_THROTTLE},
    {"SlowDown", FB_ETHROTTLED, FB_AWS_THROTTLE},
    {"EC2ThrottledException", FB_ETHROTTLED, FB_AWS_THROTTLE},
    {"TransactionInProgressException", FB_ETHROTTLED, FB_AWS_THROTTLE},
    {"PriorRequestNotComplete", FB_ETHROTTLED, FB_AWS_THROTTLE},
    {"RequestTimeout", FB_EIO, FB_AWS_TRANSIENT},
    {"RequestTimeoutException", FB_EIO, FB_AWS_TRANSIENT},
    {"InternalError", FB_EIO, FB_AWS_TRANSIENT},
    {"InternalFailure", FB_EIO, FB_AWS_TRANSIENT},
    {"InternalServerError", FB_EIO, FB_AWS_TRANSIENT},
    {"ServiceUnavailable", FB_EIO, FB_AWS_TRANSIENT},
    {"ServiceFailure", FB_EIO, FB_AWS_TRANSIENT},
    {"ResourceContention", FB_ECONFLICT, FB_AWS_TRANSIENT},
    {"ConcurrentModification", FB_ECONFLICT, FB_AWS_TRANSIENT},
    {"EntityTemporarilyUnmodifiable", FB_ECONFLICT, FB_AWS_TRANSIENT},
    {"TransactionConflictException", FB_ECONFLICT, FB_AWS_TRANSIENT},
    {"ReplicatedWriteConflictException", FB_ECONFLICT, FB_AWS_TRANSIENT},
    {"ExpiredToken", FB_EDENIED, FB_AWS_CREDENTIALS},
    {"ExpiredTokenException", FB_EDENIED, FB_AWS_CREDENTIALS},
    {"InvalidClientTokenId", FB_EDENIED, FB_AWS_CREDENTIALS},
    {"UnrecognizedClientException", FB_EDENIED, FB_AWS_CREDENTIALS},
    {"AuthFailure", FB_EDENIED, FB_AWS_CREDENTIALS},
    {"RequestExpired", FB_EDENIED, FB_AWS_CREDENTIALS},
    {"RequestTimeTooSkewed", FB_EDENIED, FB_AWS_CREDENTIALS},
    {"RequestInTheFuture", FB_EDENIED, FB_AWS_CREDENTIALS},
    {"SignatureDoesNotMatch", FB_EDENIED, FB_AWS_CREDENTIALS},
    {"InvalidSignatureException", FB_EDENIED, FB_AWS_CREDENTIALS},
    {"IncompleteSignature", FB_EDENIED, FB_AWS_FATAL},
    {"MissingAuthenticationToken", FB_EDENIED, FB_AWS_FATAL},
    {"AccessDenied", FB_EDENIED, FB_AWS_FATAL},
    {"AccessDeniedException", FB_EDENIED, FB_AWS_FATAL},
    {"UnauthorizedOperation", FB_EDENIED, FB_AWS_FATAL},
    {"AuthorizationError", FB_EDENIED, FB_AWS_FATAL},
    {"OptInRequired", FB_EDENIED, FB_AWS_FATAL},
    {"SubscriptionRequiredException", FB_EDENIED, FB_AWS_FATAL},
    {"AWSOrganizationsNotInUseException", FB_EDENIED, FB_AWS_FATAL},
    {"RegionDisabledException", FB_EDENIED, FB_AWS_FATAL},
    {"Blocked", FB_EDENIED, FB_AWS_FATAL},
    {"NoSuchEntity", FB_ENOTFOUND, FB_AWS_FATAL},
    {"NotFound", FB_ENOTFOUND, FB_AWS_FATAL},
    {"ServiceNotActiveException", FB_ENOTFOUND, FB_AWS_FATAL},
    {"QueueDoesNotExist", FB_ENOTFOUND, FB_AWS_FATAL},
    {"AWS.SimpleQueueService.NonExistentQueue", FB_ENOTFOUND, FB_AWS_FATAL},
    {"InvalidAction", FB_EUNSUPPORTED, FB_AWS_FATAL},
    {"UnknownOperation", FB_EUNSUPPORTED, FB_AWS_FATAL},
    {"UnknownOperationException", FB_EUNSUPPORTED, FB_AWS_FATAL},
    {"NotImplemented", FB_EUNSUPPORTED, FB_AWS_FATAL},
    {"LimitExceeded", FB_ELIMIT, FB_AWS_FATAL},
    {"InstanceLimitExceeded", FB_ELIMIT, FB_AWS_FATAL},
    {"VcpuLimitExceeded", FB_ELIMIT, FB_AWS_FATAL},
    {"MaxSpotInstanceCountExceeded", FB_ELIMIT, FB_AWS_FATAL},
    {"CaseCreationLimitExceeded", FB_ELIMIT, FB_AWS_FATAL},
    {"EntityAlreadyExists", FB_ECONFLICT, FB_AWS_FATAL},
    {"DeleteConflict", FB_ECONFLICT, FB_AWS_FATAL},
    {"UnmodifiableEntity", FB_ECONFLICT, FB_AWS_FATAL},
    {"OperationNotPermitted", FB_ECONFLICT, FB_AWS_FATAL},
    {"IncorrectInstanceState", FB_ECONFLICT, FB_AWS_FATAL},
    {"UnsupportedOperation", FB_ECONFLICT, FB_AWS_FATAL},
    {"ResourceConflictException", FB_ECONFLICT, FB_AWS_FATAL},
    {"ResourceInUse", FB_ECONFLICT, FB_AWS_FATAL},
    {"ResourceInUseException", FB_ECONFLICT, FB_AWS_FATAL},
    {"ScalingActivityInProgress", FB_ECONFLICT, FB_AWS_FATAL},
    {"ConditionalCheckFailedException", FB_ECONFLICT, FB_AWS_FATAL},
    {"TransactionCanceledException", FB_ECONFLICT, FB_AWS_FATAL},
};

/* Families whose members are too many to list. */
static const struct row ENDINGS[] = {
    {"NotFound", FB_ENOTFOUND, FB_AWS_FATAL},
    {"NotFoundException", FB_ENOTFOUND, FB_AWS_FATAL},
    {"NotFoundFault", FB_ENOTFOUND, FB_AWS_FATAL},
    {"DoesNotExist", FB_ENOTFOUND, FB_AWS_FATAL},
    {"DoesNotExistException", FB_ENOTFOUND, FB_AWS_FATAL},
    {".Duplicate", FB_ECONFLICT, FB_AWS_FATAL},
};

/* The text of the first <name> element anywhere in s, cut at the next '<'. */
static const char *scan_element(struct fb_arena *a, const char *s, const char *name)
{
    const char *at = strstr(s, name);

    if (!at)
        return "";
    at += strlen(name);
    return fb_arena_strn(a, at, strcspn(at, "<"));
}

/* "com.amazon#Code:http://..." is "Code". */
static const char *bare_code(struct fb_arena *a, const char *s)
{
    const char *hash;
    size_t len = strcspn(s, ":");

    hash = memchr(s, '#', len);
    if (hash) {
        len -= (size_t)(hash + 1 - s);
        s = hash + 1;
    }
    return fb_arena_strn(a, s, len);
}

static bool is_html(const char *body)
{
    while (*body && strchr(" \t\r\n", *body))
        body++;
    return fb_starts_fold(body, "<!doctype html") || fb_starts_fold(body, "<html");
}

static const char *any_of(const struct fb_json *v, const char *const *names)
{
    for (; *names; names++)
        if (*fb_json_get_str(v, *names))
            return fb_json_get_str(v, *names);
    return "";
}

static void read_code(struct fb_arena *a, const struct fb_http_reply *r, const char **code,
                      const char **message)
{
    static const char *const code_names[] = {"__type", "code", "Code", NULL};
    static const char *const message_names[] = {"message", "Message", "errorMessage", NULL};
    const char *body = fb_arena_strn(a, r->body, r->body_len > LOOK_MAX ? LOOK_MAX : r->body_len);
    const struct fb_json *v = NULL;

    *code = bare_code(a, r->error_type);
    if (*body == '{' && fb_json_parse(a, r->body, r->body_len, NULL, &v, NULL) == FB_OK) {
        *message = any_of(v, message_names);
        if (!**code)
            *code = bare_code(a, any_of(v, code_names));
        return;
    }
    *message = scan_element(a, body, "<Message>");
    if (!**message)
        *message = scan_element(a, body, "<message>");
    if (!**code)
        *code = scan_element(a, body, "<Code>");
}

/* Takes every copy of the secret out of text. */
static void strike_out(char *text, const struct fb_secret *secret)
{
    char *at;

    while (secret->len >= 8 && (at = strstr(text, secret->at))) {
        memmove(at + 3, at + secret->len, strlen(at + secret->len) + 1);
        memcpy(at, "***", 3);
    }
}

/* The peer's words, without what must not be repeated. AWS answers a bad signature with the whole
 * canonical request, session token and all: only its first line is kept. */
static const char *safe_message(struct fb_arena *a, const char *message,
                                const struct fb_aws_credentials *c)
{
    size_t len = strcspn(message, "\r\n");
    char *copy = fb_arena_alloc(a, len + 1);
    struct fb_buf plain;

    if (!copy)
        return "";
    memcpy(copy, message, len);
    copy[len] = '\0';
    if (c) {
        strike_out(copy, &c->secret);
        strike_out(copy, &c->token);
    }
    fb_buf_init_in(&plain, a, MESSAGE_MAX * 2);
    fb_buf_add_plain(&plain, copy, MESSAGE_MAX);
    return plain.at;
}

static struct row by_status(const struct fb_http_reply *r, bool html)
{
    struct row row = {"", FB_EINPUT, FB_AWS_FATAL};

    if (r->status == 429 || r->status == 509)
        return (struct row){"", FB_ETHROTTLED, FB_AWS_THROTTLE};
    /* A peer that serves no such operation: stand-ins answer an HTML page with status 500 (moto) or
     * 404, and no service of AWS answers a call that way: it would name its request. */
    if (html && (r->status == 500 || r->status == 404) && !*r->request_id)
        return (struct row){"", FB_EUNSUPPORTED, r->status == 500 ? FB_AWS_BROKEN : FB_AWS_FATAL};
    if (r->status == 501 || r->status == 405)
        return (struct row){"", FB_EUNSUPPORTED, FB_AWS_FATAL};
    if (r->status >= 500)
        return (struct row){"", FB_EIO, FB_AWS_TRANSIENT};
    if (r->status == 401 || r->status == 403)
        row.st = FB_EDENIED;
    else if (r->status == 404)
        row.st = FB_ENOTFOUND;
    else if (r->status == 409)
        row.st = FB_ECONFLICT;
    else if (r->status < 400)
        row.st = FB_EIO; /* a redirect, which is not followed, or what is no HTTP status at all */
    return row;
}

static struct row classify(const struct fb_http_reply *r, const char *code, const char *message,
                           bool html)
{
    struct row row = by_status(r, html);

    for (size_t i = 0; i < sizeof CODES / sizeof *CODES; i++)
        if (fb_eq(CODES[i].code, code))
            return CODES[i];
    for (size_t i = 0; i < sizeof ENDINGS / sizeof *ENDINGS; i++)
        if (fb_ends(code, ENDINGS[i].code))
            return ENDINGS[i];
    /* Auto Scaling says it in words only. */
    if (fb_eq(code, "ValidationError") && fb_has_fold(message, "not found"))
        row.st = FB_ENOTFOUND;
    return row;
}

enum fb_aws_class fb_aws_error_read(struct fb_arena *a, const struct fb_http_reply *reply,
                                    const struct fb_aws_credentials *secrets, struct fb_err *err)
{
    const char *code = "", *message = "";
    bool html = is_html(reply->body);
    struct row row;

    if (reply->st != FB_OK) { /* no answer at all */
        *err = reply->err;
        if (reply->st == FB_ETIMEOUT || (reply->st == FB_EIO && reply->err.retryable))
            return FB_AWS_TRANSIENT;
        return FB_AWS_FATAL;
    }
    if (!html)
        read_code(a, reply, &code, &message);
    row = classify(reply, code, message, html);
    code = safe_message(a, code, secrets);
    message = safe_message(a, message, secrets);
    if (html && row.st == FB_EUNSUPPORTED)
        message = "an HTML page: the peer does not know the operation";
    else if (reply->status >= 300 && reply->status < 400)
        message = "a redirect, which is never followed";
    (void)fb_err_set(err, row.st, "HTTP %d%s%s%s%s", reply->status, *code ? " " : "", code,
                     *message ? ": " : "", message);
    err->http = reply->status;
    err->retryable = row.retry == FB_AWS_THROTTLE || row.retry == FB_AWS_TRANSIENT;
    for (size_t i = 0; i + 1 < sizeof err->aws_code && code[i]; i++)
        err->aws_code[i] = code[i];
    for (size_t i = 0; i + 1 < sizeof err->request_id && reply->request_id[i]; i++)
        if ((unsigned char)reply->request_id[i] > ' ' && (unsigned char)reply->request_id[i] < 0x7f)
            err->request_id[i] = reply->request_id[i];
        else
            err->request_id[i] = '?';
    return row.retry;
}
