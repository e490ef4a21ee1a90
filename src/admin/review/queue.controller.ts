import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { DomainError } from '../../errors/domain-error.ts';
import { toProblem } from '../../errors/problem.ts';
import { ApiProblems, BODY_PROBLEMS } from '../../http/api-problems.ts';
import { ADMIN_API_PATH } from '../../http/route.ts';
import { notInQueue, ReviewQueue } from '../../review/review-queue.ts';
import { reachStorage } from '../../storage/reach-storage.ts';
import type { ReviewFilter } from '../../storage/records/review-listing.ts';
import type { Reviewer as ReviewerValue } from '../../storage/review-archive.ts';
import { StoredReviews } from '../../storage/stored.ts';
import { type IdParams, idParamsSchema } from '../kept/schemas.ts';
import { toClaim, toFigures, toReviewItem } from './queue-bodies.ts';
import {
  type ClaimRequest,
  claimRequestSchema,
  claimSchema,
  type DecisionBody,
  type DecisionResults,
  decisionResultsSchema,
  type DecisionsBody,
  decisionSchema,
  decisionsSchema,
  type ReviewClaim,
  type ReviewCountsBody,
  type ReviewCountsQuery,
  reviewCountsQuerySchema,
  reviewCountsSchema,
  type ReviewFiguresBody,
  reviewFiguresSchema,
  type ReviewItem,
  reviewItemSchema,
  type ReviewPage,
  reviewPageSchema,
  type ReviewQuery,
  reviewQuerySchema,
} from './queue-schemas.ts';
import { Reviewer } from './reviewer.ts';

/** The queue of masked images that somebody has to look at. */
@ApiTags('admin')
@ApiProblems('invalid_request', 'unauthorized', 'forbidden', 'storage_off', 'internal', 'storage_unavailable')
@Controller(ADMIN_API_PATH)
export class QueueController {
  constructor(
    private readonly reviews: StoredReviews,
    private readonly queue: ReviewQueue,
  ) {}

  @Get('review')
  @ApiOperation({ operationId: 'adminReview', summary: 'List masked images to review, the highest doubt first' })
  @ApiOkResponse({ description: 'One page of the queue', standardSchema: reviewPageSchema })
  page(
    @Query({ schema: reviewQuerySchema }) query: ReviewQuery,
    @Reviewer() { holder }: ReviewerValue,
  ): Promise<ReviewPage> {
    const { limit, after, state, reason, claim, search, from, to } = query;
    const filter: ReviewFilter = { state, reason, claim: claim && { kind: claim, holder }, search, from, to };
    return reachStorage(async () => {
      const { rows, next } = await this.reviews.page(filter, { limit, after });
      const total = after === undefined ? await this.reviews.total(filter) : null;
      return { rows: rows.map((row) => toReviewItem(row, holder)), next, total };
    });
  }

  @Get('review/counts')
  @ApiOperation({ operationId: 'adminReviewCounts', summary: 'Count the images of the queue' })
  @ApiOkResponse({ description: 'The counts', standardSchema: reviewCountsSchema })
  counts(@Query({ schema: reviewCountsQuerySchema }) { since }: ReviewCountsQuery): Promise<ReviewCountsBody> {
    return reachStorage(async () => {
      const midnight = new Date(new Date().setUTCHours(0, 0, 0, 0));
      const { countedUpTo, ...counts } = await this.reviews.counts(since ?? midnight);
      return { ...counts, counted_up_to: countedUpTo };
    });
  }

  @Get('review/figures')
  @ApiOperation({ operationId: 'adminReviewFigures', summary: 'Figures of the last 30 days of review' })
  @ApiOkResponse({ description: 'Of all together, and of each reviewer', standardSchema: reviewFiguresSchema })
  figures(): Promise<ReviewFiguresBody> {
    return reachStorage(async () => {
      const { days, rows } = await this.reviews.figures();
      const [all, ...each] = rows;
      const reviewers = each.map(({ actor, ...figures }) => ({ actor: actor!, ...toFigures(figures) }));
      return { days, all: toFigures(all!), reviewers };
    });
  }

  @Post('review/decisions')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'adminDecideSeveral',
    summary: 'Approve several images, or send them back',
    description: 'Each image is decided on separately: some may fail while others succeed.',
  })
  @ApiOkResponse({ description: 'What came of each image', standardSchema: decisionResultsSchema })
  @ApiProblems(...BODY_PROBLEMS, 'foreign_origin')
  decideSeveral(
    @Body({ schema: decisionsSchema }) { images, ...given }: DecisionsBody,
    @Reviewer() reviewer: ReviewerValue,
  ): Promise<DecisionResults> {
    return reachStorage(async () => {
      const results: DecisionResults['results'] = [];
      for (const { id, based_on } of images) results.push(await this.result(id, { ...given, based_on }, reviewer));
      return { results };
    });
  }

  @Get('images/:id/review')
  @ApiOperation({ operationId: 'adminImageReview', summary: 'Get the review of an image' })
  @ApiOkResponse({ description: 'Its state, reasons and latest decision', standardSchema: reviewItemSchema })
  @ApiProblems('not_found')
  review(
    @Param({ schema: idParamsSchema }) { id }: IdParams,
    @Reviewer() { holder }: ReviewerValue,
  ): Promise<ReviewItem> {
    return reachStorage(async () => {
      const row = await this.reviews.find(id);
      if (!row) throw notInQueue();
      return toReviewItem(row, holder);
    });
  }

  @Put('images/:id/claim')
  @ApiOperation({
    operationId: 'adminClaim',
    summary: 'Tell others that you work on an image',
    description: 'For five minutes; the same request renews it. Nobody is kept from working on the image knowingly.',
  })
  @ApiOkResponse({ description: 'The claim', standardSchema: claimSchema })
  @ApiProblems(...BODY_PROBLEMS, 'foreign_origin', 'not_found', 'claimed')
  claim(
    @Param({ schema: idParamsSchema }) { id }: IdParams,
    @Body({ schema: claimRequestSchema }) { take_over: takeOver }: ClaimRequest,
    @Reviewer() reviewer: ReviewerValue,
  ): Promise<ReviewClaim> {
    return reachStorage(async () => toClaim(await this.queue.claim(id, reviewer, takeOver), reviewer.holder));
  }

  @Delete('images/:id/claim')
  @HttpCode(204)
  @ApiOperation({ operationId: 'adminRelease', summary: 'End the claim on an image' })
  @ApiNoContentResponse({ description: 'You do not work on it any more; claims of others are not changed' })
  @ApiProblems('foreign_origin')
  release(@Param({ schema: idParamsSchema }) { id }: IdParams, @Reviewer() reviewer: ReviewerValue): Promise<void> {
    return reachStorage(() => this.queue.release(id, reviewer));
  }

  @Post('images/:id/decision')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'adminDecide',
    summary: 'Approve an image, or send it back',
    description: 'A new version or a new masking opens the review again.',
  })
  @ApiOkResponse({ description: 'The review', standardSchema: reviewItemSchema })
  @ApiProblems(...BODY_PROBLEMS, 'foreign_origin', 'not_found', 'claimed', 'version_conflict')
  decide(
    @Param({ schema: idParamsSchema }) { id }: IdParams,
    @Body({ schema: decisionSchema }) given: DecisionBody,
    @Reviewer() reviewer: ReviewerValue,
  ): Promise<ReviewItem> {
    return reachStorage(() => this.decided(id, given, reviewer));
  }

  private async decided(id: string, given: DecisionBody, reviewer: ReviewerValue): Promise<ReviewItem> {
    const { decision, based_on: basedOn, note = null, take_over: takeOver } = given;
    const row = await this.queue.decide(id, reviewer, { decision, basedOn, note, takeOver });
    return toReviewItem(row, reviewer.holder);
  }

  /** Of one of several images: what is wrong with it is part of the response. */
  private async result(
    id: string,
    given: DecisionBody,
    reviewer: ReviewerValue,
  ): Promise<DecisionResults['results'][number]> {
    try {
      return { image_id: id, review: await this.decided(id, given, reviewer), problem: null };
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      const { type, title, detail } = toProblem(error, '');
      return { image_id: id, review: null, problem: { type, title, detail } };
    }
  }
}
