import { promisify } from "node:util";
import { gunzip, gzipSync, zstdCompressSync, zstdDecompress } from "node:zlib";
import kafkajs from "kafkajs";
import type { KafkaSettings } from "./settings.ts";

const { CompressionCodecs, CompressionTypes } = kafkajs;

const [ungzip, unzstd] = [promisify(gunzip), promisify(zstdDecompress)];
/** Events repeat themselves so much that looking longer finds a tenth more, for twice the time. */
const gzipOptions = { level: 3 };

// Its table of codecs is global to the module. For zstd kafkajs has only the number. Its own gzip goes to the threads
// that bring the journal to disk, who then wait for each other, and costs a small batch four times as much.
CompressionCodecs[CompressionTypes.GZIP] = () => ({
  compress: async ({ buffer }: Encoder) => gzipSync(buffer, gzipOptions),
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
