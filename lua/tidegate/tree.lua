-- The tree of the tasks that run now, for people: request → gather → children, what each waits on, for how long, its
-- deadline, and the line of the route.
--
-- It costs nothing while nobody looks: the name and the start of a wait and a task's parent are fields that park and
-- spawn set anyway, deadlines are the scopes', and a line is read off a coroutine's stack when it is asked for.
local core = require "tidegate.core"
local request_id = require "tidegate.request_id"
local task = require "tidegate.task"
local text = require "tidegate.text"

local tree = {}

-- Every task with its info and children, the oldest first; and those that have no parent.
local function collect()
  local nodes, roots = {}, {}
  for _, of in ipairs(core.tasks()) do
    nodes[of] = { of = of, info = core.task_info(of), parent = task.parent(of), children = {} }
  end
  for _, of in ipairs(core.tasks()) do
    local node = nodes[of]
    local parent = node.parent and nodes[node.parent]
    table.insert(parent and parent.children or roots, node)
  end
  return roots
end

local function label(node)
  local method, path, number = core.task_request(node.of)
  if method then
    return ("%s %s (request %s)"):format(method, text.short(path), request_id.of(number))
  end
  return node.parent and "child" or "background"
end

local function describe(node)
  local info = node.info
  local parts = { label(node) }
  if info.waits_on then
    parts[#parts + 1] = ("waits on %s for %.2f s"):format(info.waits_on, info.seconds)
  else
    parts[#parts + 1] = info.state
  end
  local deadline = task.deadline(node.of)
  if deadline then
    parts[#parts + 1] = ("deadline in %.2f s"):format(deadline - core.now())
  end
  if info.place then
    parts[#parts + 1] = "at " .. info.place
  end
  return table.concat(parts, ", ")
end

local function write(node, lines, first, rest)
  lines[#lines + 1] = first .. describe(node)
  for index, child in ipairs(node.children) do
    local last = index == #node.children
    write(child, lines, rest .. (last and "└─ " or "├─ "), rest .. (last and "   " or "│  "))
  end
end

--- The tree as text; the asking task itself is left out.
---@return string # lines
function tree.render()
  local lines = {}
  for _, root in ipairs(collect()) do
    if root.of ~= core.current() then
      write(root, lines, "", "")
    end
  end
  return #lines > 0 and table.concat(lines, "\n") .. "\n" or "no task runs\n"
end

return tree
