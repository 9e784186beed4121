import { promisify } from "node:util";
import { gunzip, gzipSync, zstdCompressSync, zstdDecompress } from "node:zlib";
import kafkajs from "kafkajs";
import type { KafkaSettings } from "./settings.ts";

const { CompressionCodecs, CompressionTypes } = kafkajs;

const [ungzip, unzstd] = [promisify(gunzip), promisify(zstdDecompress)];

// Its table of codecs is global to the module; for zstd kafkajs has only the number. In the thread that asks: the pool's
// threads bring the journal to disk too, and for a small batch a trip there costs three times what compressing does.
CompressionCodecs[CompressionTypes.GZIP] = () => ({
  compress: async ({ buffer }: Encoder) => gzipSync(buffer),
  decompress: (data: Buffer) => ungzip(data),
});
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async ({ buffer }: Encoder) => zstdCompressSync(buffer),
  decompress: (data: Buffer) => unzstd(data),
});

interface Encoder {
  readonly buffer: Buffer;
}

export const compressionTypes = {
  gzip: CompressionTypes.GZIP,
  zstd: CompressionTypes.ZSTD,
  none: CompressionTypes.None,
} as const satisfies Record<KafkaSettings["compression"], number>;
