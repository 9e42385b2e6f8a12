std = "luajit"
max_line_length = 120
codes = true

files["tests"] = { std = "luajit+busted" }
files["bench/nginx"] = { read_globals = { "ngx" } }
files["bench/wrk"] = { globals = { "init", "request", "wrk" } }
