-- What a packet says beyond its fields: names as people know them, and the line in the list of packets.

local function guid_at(offset)
  local raw = buffer(offset, 16):raw()
  local b = { string.byte(raw, 1, 16) }
  return string.format(
    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
    b[4], b[3], b[2], b[1], b[6], b[5], b[8], b[7], b[9], b[10], b[11], b[12], b[13], b[14], b[15], b[16]
  )
end

local function derive(into, filter, value, name)
  local from = offsets[name]
  if into then into:add(F[filter], buffer(from, sizes[name]), value):set_generated() end
  return value
end

local function sequence_text(structure_name)
  return string.format(
    "%08x:%08x",
    values[structure_name .. ".TxSequenceID.TimeStamp"],
    values[structure_name .. ".TxSequenceID.Ordinal"]
  )
end

local function sequence(into, structure_name, filter)
  local value = sequence_text(structure_name)
  derive(into, filter, value, structure_name .. ".TxSequenceID.Ordinal")
  derive(into, "mqqb.txseq", value, structure_name .. ".TxSequenceID.Ordinal")
  return value
end

-- The format name of a queue; `machine` is the field with the GUID of the one that it is on, if it has a number only.
local function queue_text(queue, machine)
  local name = "UserHeader." .. queue
  if values[name .. ".DirectFormatName"] then
    return "DIRECT=" .. values[name .. ".DirectFormatName"], name .. ".DirectFormatName"
  end
  if offsets[name .. ".PublicQueueIdentifier"] then
    return "PUBLIC=" .. guid_at(offsets[name .. ".PublicQueueIdentifier"]), name .. ".PublicQueueIdentifier"
  end
  local queue_number = values[name .. ".PrivateQueueIdentifier"]
  if not queue_number then return nil end
  local owner = offsets[name .. ".SourceQueueManager"] or offsets[machine]
  return string.format("PRIVATE=%s\\%08x", guid_at(owner), queue_number), name .. ".PrivateQueueIdentifier"
end

-- By the type of the name: who sent the message, who gets it, or who has the administration queue.
local function machine_of(queue_type)
  if queue_type == 2 then return "UserHeader.SourceQueueManager" end
  if queue_type == 4 and offsets["UserHeader.AdminQueue.SourceQueueManager"] then
    return "UserHeader.AdminQueue.SourceQueueManager"
  end
  return "UserHeader.QueueManagerAddress"
end

local function queue(into, filter, queue_name, shift)
  local queue_type = floor(values["UserHeader.Flags"] / shift) % 8
  local value, name = queue_text(queue_name, machine_of(queue_type))
  if value then derive(into, filter, value, name) end
  return value
end

local function sid_text(from, size)
  local parts = { "S-1" }
  local high, low = buffer(from + 2, 2):uint(), buffer(from + 4, 4):uint()
  parts[2] = high == 0 and decimal(low) or string.format("0x%04x%08x", high, low)
  for offset = from + 8, from + size - 4, 4 do parts[#parts + 1] = decimal(buffer(offset, 4):le_uint()) end
  return table.concat(parts, "-")
end

local function recoverable_numbers(into)
  local first, bits = values["SessionHeader.RecoverableMsgAckSeqNumber"], values["SessionHeader.RecoverableMsgAckFlags"]
  local numbers = {}
  for bit = 0, 31 do
    if floor(bits / 2 ^ bit) % 2 == 1 then
      local acknowledged = floor((first + bit) % 65536)
      numbers[#numbers + 1] = decimal(acknowledged)
      derive(into, "mqqb.session.ackedrecoverable", acknowledged, "SessionHeader.RecoverableMsgAckFlags")
    end
  end
  return numbers
end

local PACKET_TYPES = { "SessionAck", "EstablishConnection", "ConnectionParameters" }

local function packet_type()
  if floor(values["BaseHeader.Flags"] / 8) % 2 == 1 then
    return PACKET_TYPES[floor(values["InternalHeader.Flags"] % 16)]
  end
  if values["OrderAckBody.TxSequenceNumber"] then return "OrderAck" end
  if values["FinalAckBody.TxSequenceNumber"] then return "FinalAck" end
  return "UserMessage"
end

local function class_name()
  local class = values["MessagePropertiesHeader.MessageClass"]
  return CLASSES[class] or string.format("class 0x%04x", class)
end

local function mark_infinite(name)
  if items[name] and values[name] == 4294967295 then items[name]:append_text(" (for ever)") end
end

local function message_line(into)
  local message = guid_at(offsets["UserHeader.SourceQueueManager"]) .. "\\" .. decimal(values["UserHeader.MessageID"])
  derive(into, "mqqb.message", message, "UserHeader.MessageID")
  local destination = queue(into, "mqqb.destination", "DestinationQueue", 1024)
  queue(into, "mqqb.admin", "AdminQueue", 8192)
  queue(into, "mqqb.response", "ResponseQueue", 65536)
  derive(into, "mqqb.sent", NSTime.new(values["UserHeader.SentTime"]), "UserHeader.SentTime")
  local sid = "SecurityHeader.SecurityData.SecurityID"
  if offsets[sid] and values["SecurityHeader.Flags"] % 16 == 1 then
    derive(into, "mqqb.security.securitydata.securityid.sid", sid_text(offsets[sid], sizes[sid]), sid)
  end
  local line = { "UserMessage ", decimal(values["UserHeader.MessageID"]) }
  if values["TransactionHeader.TxSequenceNumber"] then
    line[#line + 1] = " seq " .. sequence(into, "TransactionHeader", "mqqb.user.txseq")
    line[#line + 1] = " #" .. decimal(values["TransactionHeader.TxSequenceNumber"])
    line[#line + 1] = " (prev " .. decimal(values["TransactionHeader.PreviousTxSequenceNumber"]) .. ")"
  elseif floor(values["UserHeader.Flags"] / 32) % 4 == 1 then
    line[#line + 1] = " recoverable"
  end
  if values["MessagePropertiesHeader.MessageClass"] ~= 0 then line[#line + 1] = " " .. class_name() end
  local acknowledged = "MessagePropertiesHeader.CorrelationID.QueueManagerGuid"
  if offsets[acknowledged] then
    local about = guid_at(offsets[acknowledged]) .. "\\" .. decimal(values["MessagePropertiesHeader.CorrelationID.Ordinal"])
    line[#line + 1] = " of " .. derive(into, "mqqb.acknowledged", about, "MessagePropertiesHeader.CorrelationID")
  end
  local towards = destination and " → " .. string.gsub(destination, "^DIRECT=", "") or ""
  line[#line + 1] = towards .. ", " .. decimal(values["MessagePropertiesHeader.MessageSize"]) .. " bytes"
  return table.concat(line), towards
end

local function order_ack_line(into)
  return "OrderAck seq " .. sequence(into, "OrderAckBody", "mqqb.orderack.txseq")
    .. " up to #" .. decimal(values["OrderAckBody.TxSequenceNumber"])
end

local function final_ack_line(into)
  local about = guid_at(offsets["FinalAckBody.SourceGUID"]) .. "\\" .. decimal(values["FinalAckBody.MessageID"])
  derive(into, "mqqb.acknowledged", about, "FinalAckBody.MessageID")
  return "FinalAck " .. class_name() .. " seq " .. sequence(into, "FinalAckBody", "mqqb.finalack.txseq")
    .. " #" .. decimal(values["FinalAckBody.TxSequenceNumber"]) .. " of " .. about
end

local function session_line(numbers)
  local line = " ack " .. decimal(values["SessionHeader.AckSequenceNumber"])
  if #numbers > 0 then line = line .. ", on disk " .. table.concat(numbers, " ") end
  return line .. ", window " .. decimal(values["SessionHeader.WindowSize"])
end

local NIL_GUID = "00000000-0000-0000-0000-000000000000"

local function establish_line()
  local server = guid_at(offsets["EstablishConnectionHeader.ServerGuid"])
  return "EstablishConnection " .. guid_at(offsets["EstablishConnectionHeader.ClientGuid"]) .. " → "
    .. (server == NIL_GUID and "any" or server)
end

local function parameters_line()
  return "ConnectionParameters window " .. decimal(values["ConnectionParametersHeader.WindowSize"])
    .. ", ack within " .. decimal(values["ConnectionParametersHeader.AckTimeout"]) .. " ms, of recoverable ones within "
    .. decimal(values["ConnectionParametersHeader.RecoverableAckTimeout"]) .. " ms"
end

-- The line of a whole packet; `into` gets the derived fields.
local function tell(into, kind)
  mark_infinite("BaseHeader.TimeToReachQueue")
  mark_infinite("UserHeader.TimeToBeReceived")
  local refused = values["InternalHeader.Flags"] and floor(values["InternalHeader.Flags"] / 16) % 2 == 1
  local numbers = values["SessionHeader.AckSequenceNumber"] and recoverable_numbers(into)
  if kind == "EstablishConnection" then return establish_line() .. (refused and ", refused" or "") end
  if kind == "ConnectionParameters" then return parameters_line() .. (refused and ", refused" or "") end
  if kind == "SessionAck" then return "SessionAck" .. session_line(numbers) end
  local line, towards = message_line(into)
  if kind == "OrderAck" then line = order_ack_line(into) .. towards end
  if kind == "FinalAck" then line = final_ack_line(into) .. towards end
  if numbers then line = line .. " [SessionHeader" .. session_line(numbers) .. "]" end
  return line
end
