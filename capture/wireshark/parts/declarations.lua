local mqqb = Proto("mqqb", "Message Queuing Binary Protocol")
local ping = Proto("mqqbping", "Message Queuing Ping")
local srmp = Proto("srmp", "SOAP Reliable Messaging Protocol")

local F = {} -- fields by the names of filters
local M = {} -- for a word of flags, the fields of its bits
local E = {} -- expert infos
