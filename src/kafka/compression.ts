import { promisify } from "node:util";
import { zstdCompress, zstdDecompress } from "node:zlib";
import kafkajs from "kafkajs";
import type { KafkaSettings } from "./settings.ts";

const { CompressionCodecs, CompressionTypes } = kafkajs;

// kafkajs brings gzip; for zstd it has only the number. Its table of codecs is global to the module.
const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: (encoder: { buffer: Buffer }) => compress(encoder.buffer),
  decompress: (data: Buffer) => decompress(data),
});

export const compressionTypes = {
  gzip: CompressionTypes.GZIP,
  zstd: CompressionTypes.ZSTD,
  none: CompressionTypes.None,
} as const satisfies Record<KafkaSettings["compression"], number>;
