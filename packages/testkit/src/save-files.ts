/** A zip file with one stored entry, as torch.save writes them: directory at the end. */
export function zipOf(content: string | Uint8Array, entry = 'archive/data.pkl'): Buffer {
  const name = Buffer.from(entry);
  const data = Buffer.from(content);
  const local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50, 0);
  local.writeUInt32LE(data.length, 18);
  local.writeUInt32LE(data.length, 22);
  local.writeUInt16LE(name.length, 26);
  const central = Buffer.alloc(46);
  central.writeUInt32LE(0x02014b50, 0);
  central.writeUInt32LE(data.length, 20);
  central.writeUInt32LE(data.length, 24);
  central.writeUInt16LE(name.length, 28);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length + name.length, 12);
  end.writeUInt32LE(local.length + name.length + data.length, 16);
  return Buffer.concat([local, name, data, central, name, end]);
}

/** A safetensors file with one tensor of these bytes, as many as 32-bit floats take. */
export function safetensorsOf(tensor: Uint8Array): Buffer {
  const values = tensor.byteLength / 4;
  const header = Buffer.from(
    JSON.stringify({ weight: { dtype: 'F32', shape: [values], data_offsets: [0, tensor.byteLength] } }),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, tensor]);
}
