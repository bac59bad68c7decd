-- Reading one packet. All offsets count from its first byte.

local buffer       -- the packet's bytes
local given        -- how many there are
local at           -- next byte to read
local limit        -- first byte out of bounds
local tree         -- where fields go; nil while nothing is to be shown
local values       -- numbers and texts by full name, such as "UserHeader.MessageID"
local offsets      -- where they lie
local sizes
local items        -- what shows them

local floor = math.floor
local ELEMENTS_SHOWN_MAX = 256

local function number_of(name)
  return values[name] or 0
end

-- Numbers are doubles in one Lua and integers in another, which only this writes alike.
local function decimal(number)
  return string.format("%.0f", number)
end

local function refuse(code, name, why, place)
  error({ code = code, name = name, why = why, item = items[place or name], tree = tree }, 0)
end

local function remark(name, expert_info, why)
  local item = items[name] or tree
  if item and tree then item:add_proto_expert_info(expert_info, name .. ": " .. why) end
end

local function take(name, size)
  local from = at
  if from + size > limit then
    refuse("MSMQ_DECODE_TRUNCATED", name, decimal(size) .. " bytes needed, " .. decimal(limit - from) .. " left")
  end
  at = from + size
  offsets[name] = from
  sizes[name] = size
  return buffer(from, size)
end

-- `masks`: the fields of a flags word.
local function number(name, field, size, masks)
  local range = take(name, size)
  values[name] = range:le_uint()
  if not tree then return end
  local item = tree:add_le(field, range)
  items[name] = item
  if masks then
    for index = 1, #masks do item:add_le(masks[index], range) end
  end
end

local function guid(name, field)
  local range = take(name, 16)
  if tree then items[name] = tree:add_le(field, range) end
end

local function bytes(name, field, size)
  if size == 0 then return end
  local range = take(name, size)
  if tree then items[name] = tree:add(field, range) end
end

-- The first null character at an even place, counted from 1; nil when there is none.
local function null_in(raw)
  local from = 1
  while true do
    local found = string.find(raw, "\0\0", from, true)
    if not found or found % 2 == 1 then return found end
    from = found + 1
  end
end

local function text(name, field, size)
  if size == 0 then return end
  local range = take(name, size)
  if size < 2 or size % 2 == 1 then refuse("MSMQ_DECODE_NAME_SIZE", name, "holds no terminated UTF-16 text") end
  local null = null_in(range:raw())
  if buffer(at - 2, 2):le_uint() ~= 0 then
    refuse("MSMQ_DECODE_STRING_UNTERMINATED", name, "the last character is not null")
  end
  if null and null < size - 1 then refuse("MSMQ_DECODE_STRING_NULL", name, "a null character before the end") end
  local value = size > 2 and buffer(at - size, size - 2):le_ustring() or ""
  values[name] = value
  if tree then items[name] = tree:add(field, range, value) end
end

local function padding(name, field)
  local size = -at % 4
  if size == 0 then return end
  local range = take(name .. ".Padding", size)
  if tree then tree:add(field, range) end
end

local function each(count, read)
  local shown = tree
  for turn = 1, count do
    if turn > ELEMENTS_SHOWN_MAX then tree = nil end
    read()
  end
  tree = shown
end

local function within(stop, read)
  local outer = limit
  limit = stop
  read()
  limit = outer
end

local function structure(name, read)
  local outer, from = tree, at
  local item
  if tree and at < limit then
    item = tree:add(buffer(at, limit - at), name)
    tree = item
  end
  read()
  tree = outer
  if item and at > from then item:set_len(at - from) end
end

local function inside(name, field, read)
  local outer_at, outer_limit, outer_tree = at, limit, tree
  at = offsets[field]
  limit = at + sizes[field]
  if tree and items[field] then
    tree = items[field]
    items[name] = tree
  end
  read()
  at, limit, tree = outer_at, outer_limit, outer_tree
end

local function peek32(offset)
  if offset + 4 > given then return 0 end
  return buffer(offset, 4):le_uint()
end

-- Looked for piece by piece: the text may end soon and the packet late.
local function null_within(size)
  local stop = at + size - size % 2
  local from, piece = at, 64
  while from < stop do
    local taken = math.min(piece, stop - from)
    local null = null_in(buffer(from, taken):raw())
    if null then return from + null + 1 - at end
    from = from + taken
    piece = piece * 2
  end
  return 0
end

local function is_sid(size)
  if size < 8 or at + size > limit or buffer(at, 1):uint() ~= 1 then return false end
  local count = buffer(at + 1, 1):uint()
  return count <= 15 and size == 8 + 4 * count
end

local function is_one_of(number, ...)
  for index = 1, select("#", ...) do
    if number == select(index, ...) then return true end
  end
  return false
end

local function ends_with(value, suffix)
  return value ~= nil and #value >= #suffix and string.lower(string.sub(value, -#suffix)) == suffix
end

-- Runs `read` over bytes. Returns nil, or what is wrong with them.
local function try_reading(range, into, read)
  buffer, given = range, range:len()
  at, limit, tree = 0, given, into
  values, offsets, sizes, items = {}, {}, {}, {}
  local succeeded, fault = pcall(read)
  if succeeded then return nil end
  if type(fault) ~= "table" then error(fault, 0) end
  return fault
end
