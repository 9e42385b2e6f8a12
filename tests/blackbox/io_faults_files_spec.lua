-- Files whose sending or reading fails: what the client gets then is never whole, and never wrong.
local folder = require "tests.support.folder"
local failing_calls = require "tests.support.failing_calls"
local pattern = require "tests.support.pattern"
local request = require "tests.support.request"
local socket = require "tests.support.socket"

local EINTR, EIO, EAGAIN, ENOMEM, EINVAL, EPIPE, ENOSYS, ECONNRESET = 4, 5, 11, 12, 22, 32, 38, 104

local ROUTES = [[
return function(app)
  app:get("/hello", function()
    return "hello"
  end)
  app:static("/files", %q)
end
]]

local LARGE = pattern.piece(0, 1024 * 1024):rep(16)
local FILES = { small = "a small file", large = LARGE }

describe("of a file", function()
  local files, calls, serving

  setup(function()
    files = folder.new(FILES)
    calls, serving = failing_calls.start { ["routes.lua"] = ROUTES:format(files.path) }
  end)

  teardown(function()
    calls:stop()
    files:remove()
  end)

  after_each(function()
    calls:check_next_request()
  end)

  -- Asks for a file, lets calls fail once so many bytes of it have come, and reads on; is it whole? `failures` lists
  -- {name, errno, always}.
  local function is_whole(name, bytes, failures)
    local function fail()
      for _, failure in ipairs(failures) do
        calls[failure.always and "fail_all" or "fail_next"](calls, failure[1], failure[2])
      end
    end
    local connection = socket.connect(serving.port, 64 * 1024)
    if bytes == 0 then
      fail()
    end
    connection:write(request.get("/files/" .. name, "Connection: close"))
    local head = connection:read_head()
    assert.equal(#FILES[name], tonumber(head:match "\r\nContent%-Length: (%d+)"))
    local got = connection:read_exactly(bytes)
    if bytes > 0 then
      fail()
    end
    got = got .. connection:read_rest()
    connection:close()
    assert.is_true(FILES[name]:sub(1, #got) == got, "the body is not what is in the file")
    return #got == #FILES[name]
  end

  it("that is not to be read, the log says so", function()
    assert.is_false(is_whole("small", 0, { { "net/sendfile", EIO } }))
    serving:wait_for_log "a file could not be sent: i/o error"
  end)

  local FROM_THE_START = { { "small", 0 }, { "large", 0 } }
  local ANYWHERE = { FROM_THE_START[1], FROM_THE_START[2], { "large", 100000 }, { "large", 3000000 } }

  local function check(expected, what, failures, cases)
    for _, case in ipairs(cases or ANYWHERE) do
      it(("that is %s and of which %d bytes have come, %s"):format(case[1], case[2], what), function()
        assert.equal(expected, is_whole(case[1], case[2], failures))
      end)
    end
  end

  for _, errno in ipairs { EIO, ENOMEM, ECONNRESET, EPIPE } do
    check(false, "sendfile fails with errno " .. errno, { { "net/sendfile", errno } })
  end

  for _, errno in ipairs { EINTR, EAGAIN } do
    check(true, "sendfile has to be tried again for errno " .. errno, { { "net/sendfile", errno } })
  end

  check(true, "every sendfile sends less than it is asked to", { { "net/sendfile/reduce", always = true } })

  for _, errno in ipairs { EINVAL, ENOSYS, EAGAIN } do
    local without = { "net/sendfile", errno, always = true }
    check(true, ("sendfile never works, for errno %d, and it is read"):format(errno), { without })
    check(true, ("it is read, for errno %d, and that has to be tried again"):format(errno),
      { without, { "rw/pread", EINTR } })
    check(true, ("it is read, for errno %d, and each read gives less"):format(errno),
      { without, { "rw/pread/reduce", always = true } })
    check(false, ("it is read, for errno %d, and that fails"):format(errno), { without, { "rw/pread", EIO } })
  end

  local AWAY = { "rw/preadv2", EAGAIN, always = true }
  check(true, "all of it is fetched from the disk by a thread", { AWAY })
  check(true, "all of it is fetched by a thread, which fails at first", { AWAY, { "rw/pread", EIO } }, FROM_THE_START)
  check(false, "all of it is fetched by a thread, and cannot be sent", { AWAY, { "net/sendfile", EIO } })
  check(true, "nobody can know whether it is at hand", { { "rw/preadv2", EIO, always = true } })
end)
