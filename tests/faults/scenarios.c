#include "scenarios.h"

#define TEXT(literal)                                                                                                  \
  { literal, sizeof(literal) - 1 }
#define NOTHING                                                                                                        \
  { NULL, 0 }
#define HOST "HTTP/1.1\r\nHost: h\r\n"
#define GET(path) "GET " path " " HOST "\r\n"
#define ACCEPT(coding, path) "GET " path " " HOST "Accept-Encoding: " coding "\r\n\r\n"
#define FORM_HEAD "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 138\r\n\r\n"
#define ENCODED(coding, size) HOST "Content-Encoding: " coding "\r\nContent-Length: " size "\r\n\r\n"
#define DEFLATED "x\234KTH\312O\251T(\311H,Q(O,V(\316M\314\311Q\310\317S\310,)\006\012T\002\000\2731\013\203"
#define GZIPPED                                                                                                        \
  "\037\213\010\000\000\000\000\000\000\003KTH\312O\251T(\311H,Q(O,V(\316M\314\311Q\310\317S\310,)\006\012T\002\000"   \
  "\243s\364\335 \000\000\000"
#define BR_FIRST "\241\370\000\000 P'K\365r}S\024\037\330Lf"
#define BR_REST "\023\217@\225\256-\302\371\010\011hh\024\034nj\207\323\003"
#define ZSTD "(\265/\375  \001\001\000a body that was small on its way"

const scenario scenario_next = {"hello", TEXT(GET("/hello")), NOTHING, "{\"message\":\"Hello World!\"}", false};

const scenario scenarios[] = {
    {"hello", TEXT(GET("/hello")), NOTHING, "{\"message\":\"Hello World!\"}", false},
    {"three at once", TEXT(GET("/hello") GET("/item/a") GET("/hello")), NOTHING, "Hello", false},
    {"parameters", TEXT("GET /item/a%20b?a=1 " HOST "A: 2\r\nCookie: a=3\r\n\r\n"), NOTHING, "a b123", false},
    {"middleware", TEXT(GET("/group/inner")), NOTHING, "inner, wrapped", false},
    {"cookies set", TEXT(GET("/cookies")), NOTHING, "Set-Cookie: a=b", false},
    {"no such path", TEXT(GET("/nothing")), NOTHING, "HTTP/1.1 404 ", false},
    {"another method", TEXT("DELETE /hello " HOST "\r\n"), NOTHING, "HTTP/1.1 405 ", false},
    {"HEAD", TEXT("HEAD /hello " HOST "\r\n"), NOTHING, "HTTP/1.1 200 ", false},
    {"OPTIONS", TEXT("OPTIONS /hello " HOST "\r\n"), NOTHING, "Allow: ", false},
    {"bad", TEXT("GET /hello HTTP/1.1\r\nHost : h\r\n\r\n"), NOTHING, "HTTP/1.1 400 ", false},
    {"an error", TEXT(GET("/error")), NOTHING, "HTTP/1.1 500 ", false},
    {"big", TEXT(GET("/big")), NOTHING, "Content-Length: 100000\r\n", false},
    /* bodies */
    {"JSON posted", TEXT("POST /json " HOST "Content-Length: 7\r\n\r\n{\"a\":1}"), NOTHING, "{\"got\":{\"a\":1}}",
     false},
    {"a long document", TEXT(GET("/document")), NOTHING, ",{\"last\":1}]", false},
    {"keys that are numbers", TEXT(GET("/number-keys")), NOTHING, ",\"90\":{\"10\":9}}", false},
    {"a form posted",
     TEXT("POST /form " HOST "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 8\r\n\r\na=%41b+c"),
     NOTHING, "Ab c", false},
    {"chunks posted", TEXT("POST /echo " HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
     NOTHING, "abcde", false},
    {"a body that is waited for", TEXT("POST /echo " HOST "Content-Length: 5\r\n\r\nabc"), TEXT("de"), "abcde", false},
    {"100-continue", TEXT("POST /echo " HOST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"), TEXT("ab"),
     "\r\n\r\nab", false},
    {"too large", TEXT("POST /echo " HOST "Content-Length: 10001\r\n\r\n"), NOTHING, "HTTP/1.1 413 ", false},
    {"a body that came compressed", TEXT("POST /decode " ENCODED("deflate", "39") DEFLATED), NOTHING,
     "a body that was small on its way", false},
    {"a body that came compressed, gzip", TEXT("POST /decode " ENCODED("gzip", "51") GZIPPED), NOTHING,
     "a body that was small on its way", false},
    {"a body that came compressed, br", TEXT("POST /decode " ENCODED("br", "36") BR_FIRST BR_REST), NOTHING,
     "a body that was small on its way", false},
    {"a body that came compressed, zstd", TEXT("POST /decode " ENCODED("zstd", "41") ZSTD), NOTHING,
     "a body that was small on its way", false},
    {"a body in pieces that came compressed", TEXT("POST /decode-pieces " ENCODED("br", "36") BR_FIRST), TEXT(BR_REST),
     "a body that was small on its way", false},
    {"a body in pieces", TEXT("POST /size " HOST "Content-Length: 5\r\n\r\nabc"), TEXT("de"), "{\"bytes\":5}", false},
    {"parts",
     TEXT("POST /parts " HOST FORM_HEAD "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nfield\r\n"
          "--b\r\nContent-Disposition: form-data; name=\"f\"; file"),
     TEXT("name=\"x\"\r\n\r\n0123456789\r\n--b--\r\n"), "{\"a\":5,\"f\":10}", false},
    /* answers */
    {"pieces", TEXT(GET("/pieces")), NOTHING, "0\r\n\r\n", false},
    {"pieces to HTTP/1.0", TEXT("GET /pieces HTTP/1.0\r\n\r\n"), NOTHING, "the last", false},
    {"pieces both ways", TEXT("POST /upper " HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
     TEXT("2\r\nde\r\n0\r\n\r\n"), "DE\r\n0\r\n\r\n", false},
    {"pieces that break off", TEXT(GET("/breaks")), NOTHING, "the first", false},
    {"a file", TEXT(GET("/files/routes.lua")), NOTHING, "-- The app whose memory runs out", false},
    {"a part of a file", TEXT("GET /files/routes.lua " HOST "Range: bytes=3-9\r\n\r\n"), NOTHING, "The app", false},
    {"a file that has not changed", TEXT("GET /files/routes.lua " HOST "If-None-Match: *\r\n\r\n"), NOTHING,
     "HTTP/1.1 304 ", false},
    {"no such file", TEXT(GET("/files/nothing")), NOTHING, "HTTP/1.1 404 ", false},
    {"compressed, gzip", TEXT(ACCEPT("gzip", "/compressed")), NOTHING, "Content-Encoding: gzip", false},
    {"compressed, br", TEXT(ACCEPT("br", "/compressed")), NOTHING, "Content-Encoding: br", false},
    {"compressed, zstd", TEXT(ACCEPT("zstd", "/compressed")), NOTHING, "Content-Encoding: zstd", false},
    {"compressed in pieces, gzip", TEXT(ACCEPT("gzip", "/compressed-pieces")), NOTHING, "0\r\n\r\n", false},
    {"compressed in pieces, br", TEXT(ACCEPT("br", "/compressed-pieces")), NOTHING, "0\r\n\r\n", false},
    {"compressed in pieces, zstd", TEXT(ACCEPT("zstd", "/compressed-pieces")), NOTHING, "0\r\n\r\n", false},
    {"compressed, a file", TEXT(ACCEPT("gzip", "/coded/routes.lua")), NOTHING, "0\r\n\r\n", false},
    /* waits */
    {"proxy", TEXT(GET("/proxy")), NOTHING, "upstream", false},
    {"aggregate", TEXT(GET("/aggregate")), NOTHING, "[\"upstream\",", false},
    {"two at a time", TEXT(GET("/two-at-a-time")), NOTHING, "[1,2,3,4]", false},
    {"a scope", TEXT(GET("/scope")), NOTHING, "3", false},
    {"a channel", TEXT(GET("/channel")), NOTHING, "sent", false},
    {"deadline", TEXT(GET("/deadline")), NOTHING, "HTTP/1.1 504 ", false},
    {"the client's deadline", TEXT("GET /waits " HOST "X-Request-Timeout-Ms: 100\r\n\r\n"), NOTHING, "HTTP/1.1 504 ",
     false},
    {"a race", TEXT(GET("/race")), NOTHING, "fast", false},
    {"background", TEXT(GET("/background")), NOTHING, "later", false},
    {"blocking", TEXT(GET("/blocking")), NOTHING, "blocking 3", false},
    {"the client leaves", TEXT(GET("/waits")), NOTHING, "", true},
    {"the client leaves an aggregate", TEXT(GET("/aggregate")), NOTHING, "", true},
    {"the client leaves pieces", TEXT(GET("/pieces")), NOTHING, "", true},
    {"the client leaves in its body", TEXT("POST /size " HOST "Content-Length: 5\r\n\r\nabc"), NOTHING, "", true},
};

const size_t scenario_count = sizeof scenarios / sizeof scenarios[0];
