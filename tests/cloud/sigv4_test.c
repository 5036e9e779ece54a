/* sigv4_test.c - our signatures are AWS's: their documentation's example, and their whole test
 * suite. */
#include "support/fb_test.h"

#include <ctype.h>
#include <dirent.h>

#include "base/clock.h"
#include "base/json.h"
#include "cloud/sigv4.h"

static const char KEY[] = "AKIDEXAMPLE";
static char SECRET[] =
    "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"; /* published by AWS as an example */

static struct fb_aws_credentials example(char *token)
{
    struct fb_aws_credentials c = {.secret = {SECRET, sizeof SECRET - 1}};

    memcpy(c.access_key, KEY, sizeof KEY);
    c.token = (struct fb_secret){token, strlen(token)};
    return c;
}

static int64_t time_of(const char *iso)
{
    int64_t ms = 0;

    assert_true(fb_time_parse(iso, &ms));
    return ms;
}

static const char *header_of(const struct fb_http_request *req, const char *name)
{
    for (size_t i = 0; i < req->header_count; i++)
        if (strcmp(req->headers[i].name, name) == 0)
            return req->headers[i].value;
    return "";
}

/* The example that "Signature Version 4 signing process" works through: iam ListUsers of 30 Aug
 * 2015. */
static void the_example_of_awss_documentation_comes_out_as_printed_there(void **state)
{
    struct fb_aws_credentials c = example((char[]){""});
    struct fb_sigv4 how = {.credentials = &c, .region = "us-east-1", .service = "iam"};
    struct fb_http_request req = {
        .method = "GET", .url = "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08"};
    const char *canonical, *to_sign;
    struct fb_err err;

    how.now_ms = time_of("2015-08-30T12:36:00Z");
    req.headers[req.header_count++] =
        (struct fb_http_header){"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"};
    assert_int_equal(fb_sigv4_texts(*state, &how, &req, &canonical, &to_sign, &err), FB_OK);
    assert_string_equal(to_sign,
                        "AWS4-HMAC-SHA256\n20150830T123600Z\n"
                        "20150830/us-east-1/iam/aws4_request\n"
                        "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59");
    assert_int_equal(fb_sigv4_sign(*state, &how, &req, &err), FB_OK);
    assert_string_equal(
        header_of(&req, "authorization"),
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date, "
        "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
}

/* A whole file of the suite, NUL-terminated; "" when it is not there. */
static const char *slurp(struct fb_arena *a, const char *folder, const char *name, size_t *len)
{
    FILE *f = fopen(fb_arena_fmt(a, "%s/%s", folder, name), "rb");
    char *text = fb_arena_alloc(a, 16 << 10);
    size_t n = 0;

    assert_non_null(text);
    if (f) {
        n = fread(text, 1, (16 << 10) - 1, f);
        (void)fclose(f);
    }
    if (len)
        *len = n;
    return text;
}

/* Reads request.txt: request line, headers (a line that starts with white space goes on with the
 * one before), body. The path may hold blanks. */
static void read_request(struct fb_arena *a, const char *text, size_t len,
                         struct fb_http_request *req)
{
    const char *line = text, *end = strstr(text, "\n\n");
    const char *space = strchr(line, ' '), *eol = strchr(line, '\n');
    const char *version = eol - strlen(" HTTP/1.1");
    const char *host = "";

    assert_memory_equal(version, " HTTP/1.1", 9);
    req->method = fb_arena_strn(a, line, (size_t)(space - line));
    req->body = end ? end + 2 : "";
    req->body_len = end ? len - (size_t)(end + 2 - text) : 0;
    while (eol && (!end || eol < end) && eol[1]) {
        const char *colon, *next;
        char *value;

        line = eol + 1;
        colon = strchr(line, ':');
        next = strchr(line, '\n');
        while (next && (next[1] == ' ' || next[1] == '\t'))
            next = strchr(next + 1, '\n');
        value = (char *)(uintptr_t)fb_arena_strn(
            a, colon + 1, next ? (size_t)(next - colon - 1) : strlen(colon + 1));
        assert_true(req->header_count < FB_HTTP_HEADERS_MAX);
        req->headers[req->header_count++] =
            (struct fb_http_header){fb_arena_strn(a, line, (size_t)(colon - line)), value};
        if (strncmp(line, "Host:", 5) == 0)
            host = value;
        eol = next;
    }
    req->url = fb_arena_fmt(a, "https://%s%.*s", host, (int)(version - space - 1), space + 1);
}

static void check_vector(struct fb_arena *a, const char *folder)
{
    const struct fb_json *ctx;
    const char *canonical, *to_sign, *text, *signature;
    struct fb_http_request req = {0};
    struct fb_aws_credentials c;
    struct fb_sigv4 how = {0};
    struct fb_err err = {0};
    size_t len;

    text = slurp(a, folder, "context.json", &len);
    assert_int_equal(fb_json_parse(a, text, len, NULL, &ctx, &err), FB_OK);
    c = example((char *)(uintptr_t)fb_json_path_str(ctx, "credentials.token"));
    assert_string_equal(fb_json_path_str(ctx, "credentials.access_key_id"), KEY);
    assert_string_equal(fb_json_path_str(ctx, "credentials.secret_access_key"), SECRET);
    how.credentials = &c;
    how.region = fb_json_get_str(ctx, "region");
    how.service = fb_json_get_str(ctx, "service");
    how.now_ms = time_of(fb_json_get_str(ctx, "timestamp"));
    how.keep_path = !fb_json_bool(fb_json_get(ctx, "normalize"), true);
    how.omit_token = fb_json_bool(fb_json_get(ctx, "omit_session_token"), false);
    how.s3 = fb_json_bool(fb_json_get(ctx, "sign_body"), false); /* their paths are "/" */
    text = slurp(a, folder, "request.txt", &len);
    read_request(a, text, len, &req);
    assert_int_equal(fb_sigv4_texts(a, &how, &req, &canonical, &to_sign, &err), FB_OK);
    assert_string_equal(canonical, slurp(a, folder, "header-canonical-request.txt", NULL));
    assert_string_equal(to_sign, slurp(a, folder, "header-string-to-sign.txt", NULL));
    assert_int_equal(fb_sigv4_sign(a, &how, &req, &err), FB_OK);
    signature = strstr(header_of(&req, "authorization"), "Signature=");
    assert_non_null(signature);
    assert_string_equal(signature + strlen("Signature="),
                        slurp(a, folder, "header-signature.txt", NULL));
    assert_string_equal(header_of(&req, "x-amz-security-token"), c.token.at);
}

static void every_published_vector_signs_as_aws_says(void **state)
{
    const char *shared = fb_test_shared();
    const char *root = shared ? fb_arena_fmt(*state, "%s/vectors/sigv4", shared) : "";
    DIR *dir = opendir(root);
    struct dirent *e;
    int count = 0;

    if (!dir) {
        (void)fprintf(stderr,
                      "SKIPPED: AWS's signing test suite is not there (vectors/sigv4 in the folder "
                      "that FB_SHARED names); only the documentation's example was checked\n");
        FB_SKIP("AWS's published signing vectors are not beside this checkout (FB_SHARED)");
    }
    while ((e = readdir(dir))) {
        if (!isalpha((unsigned char)e->d_name[0]))
            continue;
        print_message("  %s\n", e->d_name);
        check_vector(*state, fb_arena_fmt(*state, "%s/%s", root, e->d_name));
        count++;
    }
    (void)closedir(dir);
    assert_true(count >= 38);
}

static const char *canonical_path(struct fb_arena *a, const char *url, bool s3)
{
    struct fb_aws_credentials c = example((char[]){""});
    struct fb_sigv4 how = {.credentials = &c, .region = "r", .service = "s", .s3 = s3};
    struct fb_http_request req = {.method = "GET", .url = url};
    const char *canonical, *to_sign;
    struct fb_err err;

    assert_int_equal(fb_sigv4_texts(a, &how, &req, &canonical, &to_sign, &err), FB_OK);
    canonical = strchr(canonical, '\n') + 1;
    return fb_arena_strn(a, canonical, strcspn(canonical, "\n"));
}

/* A Lambda ARN in a path is sent as %3A and signed as %253A; S3 signs what it sends. */
static void an_escaped_path_is_escaped_once_more_except_for_s3(void **state)
{
    assert_string_equal(canonical_path(*state, "https://h/f/arn%3Aaws%3Alambda/x", false),
                        "/f/arn%253Aaws%253Alambda/x");
    assert_string_equal(canonical_path(*state, "https://h/f/arn%3aaws=b//c/../%2F", true),
                        "/f/arn%3Aaws%3Db//c/../%2F");
    assert_string_equal(canonical_path(*state, "https://h", false), "/");
}

static void query_parameters_are_sorted_decoded_and_always_have_a_value(void **state)
{
    struct fb_aws_credentials c = example((char[]){""});
    struct fb_sigv4 how = {.credentials = &c, .region = "r", .service = "s"};
    struct fb_http_request req = {.method = "GET",
                                  .url = "https://h/?b=2&a=%2fx&a=*&B&a-b=1&&b=%7E1"};
    const char *canonical, *to_sign;
    struct fb_err err;

    assert_int_equal(fb_sigv4_texts(*state, &how, &req, &canonical, &to_sign, &err), FB_OK);
    assert_non_null(strstr(canonical, "\nB=&a=%2A&a=%2Fx&a-b=1&b=2&b=~1\n"));
}

static void a_request_that_cannot_be_signed_says_why(void **state)
{
    struct fb_aws_credentials c = example((char[]){"tok"});
    struct fb_sigv4 how = {.credentials = &c, .region = "r", .service = "s"};
    struct fb_http_request req = {.method = "GET", .url = "nonsense"};
    struct fb_err err;

    assert_int_equal(fb_sigv4_sign(*state, &how, &req, &err), FB_EINPUT);
    req = (struct fb_http_request){.method = "GET", .url = "https://h/"};
    for (req.header_count = 0; req.header_count < FB_HTTP_HEADERS_MAX; req.header_count++)
        req.headers[req.header_count] = (struct fb_http_header){"x-a", "b"};
    for (size_t n = FB_HTTP_HEADERS_MAX - 2; n <= FB_HTTP_HEADERS_MAX; n++) {
        req.header_count = n; /* date, token and authorization need three */
        assert_int_equal(fb_sigv4_sign(*state, &how, &req, &err), FB_ELIMIT);
    }
    req.header_count = FB_HTTP_HEADERS_MAX - 3;
    assert_int_equal(fb_sigv4_sign(*state, &how, &req, &err), FB_OK);
}

static void a_full_arena_never_gives_half_a_signature(void **state)
{
    struct fb_aws_credentials c = example((char[]){"tok"});
    struct fb_sigv4 how = {.credentials = &c, .region = "us-east-1", .service = "iam"};
    bool ok = false;

    (void)state;
    how.now_ms = time_of("2015-08-30T12:36:00Z");
    for (size_t max = 0; max < 16 << 10 && !ok; max += 32) {
        struct fb_http_request req = {.method = "GET", .url = "https://h/p?b=1&a=2"};
        struct fb_arena *small = fb_arena_new(max);
        struct fb_err err;
        enum fb_status st = fb_sigv4_sign(small, &how, &req, &err);

        ok = st == FB_OK;
        assert_true(ok || st == FB_ELIMIT);
        fb_arena_free(small);
    }
    assert_true(ok);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(the_example_of_awss_documentation_comes_out_as_printed_there),
        FB_TEST(every_published_vector_signs_as_aws_says),
        FB_TEST(an_escaped_path_is_escaped_once_more_except_for_s3),
        FB_TEST(query_parameters_are_sorted_decoded_and_always_have_a_value),
        FB_TEST(a_request_that_cannot_be_signed_says_why),
        FB_TEST(a_full_arena_never_gives_half_a_signature),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
